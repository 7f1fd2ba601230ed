// 8 data bits, no parity, 1 stop bit, least significant bit first.
module uart_rx #(parameter CLOCKS_PER_BIT = 4) (
    input            clk,
    input            rx,
    output reg       valid,         // for one clock
    output reg [7:0] data
);
    localparam [15:0] BIT = CLOCKS_PER_BIT[15:0];

    reg [15:0] wait_for;
    reg  [3:0] bits;                // still to come, the stop bit last; 0: idle

    initial begin
        bits = 0;
        valid = 0;
    end

    always @(posedge clk) begin
        valid <= 0;
        if (bits == 0) begin
            if (!rx) begin          // the start bit: look again in the middle of the first data bit
                bits <= 9;
                wait_for <= BIT + BIT / 2 - 1;
            end
        end else if (wait_for != 0) begin
            wait_for <= wait_for - 1;
        end else begin
            bits <= bits - 1;
            wait_for <= BIT - 1;
            if (bits == 1)
                valid <= rx;        // without a stop bit it was no byte
            else
                data <= {rx, data[7:1]};
        end
    end
endmodule
