// Vector memory: words of W x 32 bits, two reads and one write a cycle, the write with a mask a lane. A read answers in
// the next cycle and holds; a read of the word that is being written gives the old one.
`default_nettype none

module burin_vector_memory #(
    parameter int LANES = 16,
    parameter int DEPTH = 128,
    parameter int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input wire logic clk,
    input wire logic read_a,
    input wire logic [15:0] address_a,
    output logic [LANES*32-1:0] word_a,
    input wire logic read_b,
    input wire logic [15:0] address_b,
    output logic [LANES*32-1:0] word_b,
    input wire logic write,
    input wire logic [15:0] write_address,
    input wire logic [LANES-1:0] write_mask,
    input wire logic [LANES*32-1:0] write_word
);
  for (genvar l = 0; l < LANES; l++) begin : lane
    logic [31:0] memory[0:DEPTH-1];
    always_ff @(posedge clk) begin
      if (read_a) word_a[l*32+:32] <= memory[address_a[ADDRESS_BITS-1:0]];
      if (read_b) word_b[l*32+:32] <= memory[address_b[ADDRESS_BITS-1:0]];
      if (write && write_mask[l]) memory[write_address[ADDRESS_BITS-1:0]] <= write_word[l*32+:32];
    end
  end
  /* verilator lint_off UNUSEDSIGNAL */
  logic unused;
  assign unused = &{1'b0, address_a[15:ADDRESS_BITS], address_b[15:ADDRESS_BITS], write_address[15:ADDRESS_BITS]};
  /* verilator lint_on UNUSEDSIGNAL */
endmodule

`default_nettype wire
