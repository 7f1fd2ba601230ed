// Searches SHA-256d: one round in a clock, 128 rounds and two clocks more for each nonce.
//
// midstate: h0 in bits 255:224. tail: header bytes 64 to 75, the first in bits 95:88. The nonce counts upwards from START; its most
// significant byte stands first in the header. A hash is a hit when its last ZERO_BITS bits, in the order in which hashes are
// displayed its first, are zero: 32 as in hardware, 8, 16 or 24 for a simulation that is too slow for that.
module sha256d #(
    parameter [31:0] START = 32'd256,
    parameter ZERO_BITS = 32
) (
    input              clk,
    input              restart,     // take midstate and tail, and begin anew
    input      [255:0] midstate,
    input       [95:0] tail,
    output reg         hit,         // for one clock
    output reg  [31:0] hit_nonce,
    output reg  [63:0] hashes       // so far, for statistics
);
    localparam [255:0] IV = 256'h6a09e667_bb67ae85_3c6ef372_a54ff53a_510e527f_9b05688c_1f83d9ab_5be0cd19;

    function [31:0] rotr(input [31:0] x, input integer n);
        rotr = (x >> n) | (x << (32 - n));
    endfunction

    function [31:0] k(input [5:0] i);
        case (i)
            6'd0: k = 32'h428a2f98;  6'd1: k = 32'h71374491;  6'd2: k = 32'hb5c0fbcf;  6'd3: k = 32'he9b5dba5;
            6'd4: k = 32'h3956c25b;  6'd5: k = 32'h59f111f1;  6'd6: k = 32'h923f82a4;  6'd7: k = 32'hab1c5ed5;
            6'd8: k = 32'hd807aa98;  6'd9: k = 32'h12835b01;  6'd10: k = 32'h243185be; 6'd11: k = 32'h550c7dc3;
            6'd12: k = 32'h72be5d74; 6'd13: k = 32'h80deb1fe; 6'd14: k = 32'h9bdc06a7; 6'd15: k = 32'hc19bf174;
            6'd16: k = 32'he49b69c1; 6'd17: k = 32'hefbe4786; 6'd18: k = 32'h0fc19dc6; 6'd19: k = 32'h240ca1cc;
            6'd20: k = 32'h2de92c6f; 6'd21: k = 32'h4a7484aa; 6'd22: k = 32'h5cb0a9dc; 6'd23: k = 32'h76f988da;
            6'd24: k = 32'h983e5152; 6'd25: k = 32'ha831c66d; 6'd26: k = 32'hb00327c8; 6'd27: k = 32'hbf597fc7;
            6'd28: k = 32'hc6e00bf3; 6'd29: k = 32'hd5a79147; 6'd30: k = 32'h06ca6351; 6'd31: k = 32'h14292967;
            6'd32: k = 32'h27b70a85; 6'd33: k = 32'h2e1b2138; 6'd34: k = 32'h4d2c6dfc; 6'd35: k = 32'h53380d13;
            6'd36: k = 32'h650a7354; 6'd37: k = 32'h766a0abb; 6'd38: k = 32'h81c2c92e; 6'd39: k = 32'h92722c85;
            6'd40: k = 32'ha2bfe8a1; 6'd41: k = 32'ha81a664b; 6'd42: k = 32'hc24b8b70; 6'd43: k = 32'hc76c51a3;
            6'd44: k = 32'hd192e819; 6'd45: k = 32'hd6990624; 6'd46: k = 32'hf40e3585; 6'd47: k = 32'h106aa070;
            6'd48: k = 32'h19a4c116; 6'd49: k = 32'h1e376c08; 6'd50: k = 32'h2748774c; 6'd51: k = 32'h34b0bcb5;
            6'd52: k = 32'h391c0cb3; 6'd53: k = 32'h4ed8aa4a; 6'd54: k = 32'h5b9cca4f; 6'd55: k = 32'h682e6ff3;
            6'd56: k = 32'h748f82ee; 6'd57: k = 32'h78a5636f; 6'd58: k = 32'h84c87814; 6'd59: k = 32'h8cc70208;
            6'd60: k = 32'h90befffa; 6'd61: k = 32'ha4506ceb; 6'd62: k = 32'hbef9a3f7; 6'd63: k = 32'hc67178f2;
        endcase
    endfunction

    reg         searching;
    reg         second;             // of the two hashes
    reg   [6:0] round;              // 64: the rounds are done
    reg  [31:0] nonce;
    reg [255:0] into;               // what is added when the rounds are done
    reg  [31:0] a, b, c, d, e, f, g, h;
    reg [511:0] w;                  // the next sixteen words, the first in bits 511:480
    reg [255:0] held_midstate;
    reg  [95:0] held_tail;

    wire [31:0] w0 = w[511:480], w1 = w[479:448], w9 = w[223:192], w14 = w[63:32];
    wire [31:0] s0 = rotr(w1, 7) ^ rotr(w1, 18) ^ (w1 >> 3);
    wire [31:0] s1 = rotr(w14, 17) ^ rotr(w14, 19) ^ (w14 >> 10);
    wire [31:0] w16 = w0 + s0 + w9 + s1;
    wire [31:0] t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + k(round[5:0]) + w0;
    wire [31:0] t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    wire [255:0] sum = {
        into[255:224] + a, into[223:192] + b, into[191:160] + c, into[159:128] + d,
        into[127:96] + e, into[95:64] + f, into[63:32] + g, into[31:0] + h
    };

    task begin_first(input [255:0] state, input [95:0] words, input [31:0] number);
        begin
            {a, b, c, d, e, f, g, h} <= state;
            into <= state;
            w <= {words, number, 32'h80000000, 320'd0, 32'd640};
            round <= 0;
            second <= 0;
        end
    endtask

    initial begin
        searching = 0;
        hashes = 0;
        hit = 0;
    end

    always @(posedge clk) begin
        hit <= 0;
        if (restart) begin
            searching <= 1;
            nonce <= START;
            held_midstate <= midstate;
            held_tail <= tail;
            begin_first(midstate, tail, START);
        end else if (searching && !round[6]) begin
            {a, b, c, d, e, f, g, h} <= {t1 + t2, a, b, c, d + t1, e, f, g};
            w <= {w[479:0], w16};
            round <= round + 1;
        end else if (searching && !second) begin
            {a, b, c, d, e, f, g, h} <= IV;
            into <= IV;
            w <= {sum, 32'h80000000, 192'd0, 32'd256};
            round <= 0;
            second <= 1;
        end else if (searching) begin
            hit <= sum[ZERO_BITS-1:0] == 0;
            hit_nonce <= nonce;
            hashes <= hashes + 1;
            searching <= nonce != 32'hffffffff;
            nonce <= nonce + 1;
            begin_first(held_midstate, held_tail, nonce + 1);
        end
    end
endmodule
