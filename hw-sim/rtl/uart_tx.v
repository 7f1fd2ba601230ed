// 8 data bits, no parity, 1 stop bit, least significant bit first.
module uart_tx #(parameter CLOCKS_PER_BIT = 4) (
    input       clk,
    input       send,               // taken while not busy
    input [7:0] data,
    output      busy,
    output      tx
);
    localparam [15:0] BIT = CLOCKS_PER_BIT[15:0];

    reg [15:0] wait_for;
    reg  [3:0] bits;                // still to send; 0: idle
    reg  [9:0] shift;

    assign busy = bits != 0;
    assign tx = busy ? shift[0] : 1'b1;

    initial bits = 0;

    always @(posedge clk) begin
        if (!busy) begin
            if (send) begin
                shift <= {1'b1, data, 1'b0};
                bits <= 10;
                wait_for <= BIT - 1;
            end
        end else if (wait_for != 0) begin
            wait_for <= wait_for - 1;
        end else begin
            shift <= {1'b1, shift[9:1]};
            bits <= bits - 1;
            wait_for <= BIT - 1;
        end
    end
endmodule
