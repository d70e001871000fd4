// Adapter SRAM: one write and one read a cycle. The word follows a cycle after `read` and stays; a read of the word that is
// being written gives the old one.
`default_nettype none

module burin_adapter_memory #(
    parameter int WIDTH = 128,
    parameter int DEPTH = 1024,
    parameter int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input wire logic clk,
    input wire logic write,
    input wire logic [ADDRESS_BITS-1:0] write_address,
    input wire logic [WIDTH-1:0] write_word,
    input wire logic read,
    input wire logic [ADDRESS_BITS-1:0] address,
    output logic [WIDTH-1:0] word
);
  logic [WIDTH-1:0] memory[0:DEPTH-1];
  always_ff @(posedge clk) begin
    if (write) memory[write_address] <= write_word;
    if (read) word <= memory[address];
  end
endmodule

`default_nettype wire
