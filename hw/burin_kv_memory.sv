// KV SRAM: a word is a head vector of one position, HEAD_DIM int8 and its exponent; keys and values apart, values'
// exponents with a port of their own. Answers in the next cycle. Address: (layer * kv_heads + head) * context + position.
`default_nettype none

module burin_kv_memory #(
    parameter int HEAD_DIM = 32,
    parameter int DEPTH = 1024,
    parameter int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input wire logic clk,
    input wire logic write_key,
    input wire logic write_value,
    input wire logic [ADDRESS_BITS-1:0] write_address,
    input wire logic [HEAD_DIM*8-1:0] write_word,
    input wire logic signed [7:0] write_exponent,
    input wire logic read_key,  // key, its exponent, and the value's exponent as value_exponent_a
    input wire logic [ADDRESS_BITS-1:0] key_address,
    output logic [HEAD_DIM*8-1:0] key_word,
    output logic signed [7:0] key_exponent,
    output logic signed [7:0] value_exponent_a,
    input wire logic read_exponent,
    input wire logic [ADDRESS_BITS-1:0] exponent_address,
    output logic signed [7:0] value_exponent_b,
    input wire logic read_value,
    input wire logic [ADDRESS_BITS-1:0] value_address,
    output logic [HEAD_DIM*8-1:0] value_word
);
  logic [HEAD_DIM*8-1:0] keys[0:DEPTH-1];
  logic [HEAD_DIM*8-1:0] values[0:DEPTH-1];
  logic signed [7:0] key_exponents[0:DEPTH-1];
  logic signed [7:0] value_exponents[0:DEPTH-1];
  always_ff @(posedge clk) begin
    if (write_key) begin
      keys[write_address] <= write_word;
      key_exponents[write_address] <= write_exponent;
    end
    if (write_value) begin
      values[write_address] <= write_word;
      value_exponents[write_address] <= write_exponent;
    end
    if (read_key) begin
      key_word <= keys[key_address];
      key_exponent <= key_exponents[key_address];
      value_exponent_a <= value_exponents[key_address];
    end
    if (read_exponent) value_exponent_b <= value_exponents[exponent_address];
    if (read_value) value_word <= values[value_address];
  end
endmodule

`default_nettype wire
