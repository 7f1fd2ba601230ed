// A miner that speaks as an Icarus does (docs/protocols/icarus.md, sections 2 and 4): 64 bytes in, 4 bytes out.
//
// The receiver is a shift register without framing. Every byte restarts the search with whatever the register holds, so the last
// 64 bytes are the job. After a nonce the search goes on; a hit while a nonce is being sent is lost.
module icarus #(
    parameter CLOCKS_PER_BIT = 4,
    parameter [31:0] START = 32'd256,
    parameter ZERO_BITS = 32
) (
    input         clk,
    input         rx,
    output        tx,
    output [63:0] hashes
);
    wire       valid, busy, hit;
    wire [7:0] data;
    wire [31:0] hit_nonce;
    reg [511:0] job;                // the oldest byte in bits 511:504
    reg         fresh;              // the job has changed in the last clock
    reg  [31:0] nonce;
    reg   [2:0] left;               // bytes of it still to send

    uart_rx #(CLOCKS_PER_BIT) receiver (.clk(clk), .rx(rx), .valid(valid), .data(data));
    uart_tx #(CLOCKS_PER_BIT) sender (.clk(clk), .send(left != 0), .data(nonce[31:24]), .busy(busy), .tx(tx));

    // On the wire: h7 to h0, 20 bytes of filling, header bytes 72 to 75, 68 to 71, 64 to 67.
    sha256d #(START, ZERO_BITS) core (
        .clk(clk),
        .restart(fresh),
        .midstate({
            job[287:256], job[319:288], job[351:320], job[383:352],
            job[415:384], job[447:416], job[479:448], job[511:480]
        }),
        .tail({job[31:0], job[63:32], job[95:64]}),
        .hit(hit),
        .hit_nonce(hit_nonce),
        .hashes(hashes)
    );

    initial begin
        job = 0;
        fresh = 0;
        left = 0;
    end

    always @(posedge clk) begin
        fresh <= valid;
        if (valid)
            job <= {job[503:0], data};
        if (left == 0 && hit) begin
            nonce <= hit_nonce;
            left <= 4;
        end else if (left != 0 && !busy) begin
            nonce <= {nonce[23:0], 8'd0};
            left <= left - 1;
        end
    end
endmodule
