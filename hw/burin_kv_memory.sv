// KV SRAM: a word is a head vector of one position, HEAD_DIM int8 and its exponent; keys and values apart, the values'
// exponents with two ports. BANKS = KV heads at once * positions at once banks answer together in the next cycle: bank
// (head mod heads) * positions + position mod positions, address (layer * groups + head / heads) * rows + position /
// positions.
`default_nettype none

module burin_kv_memory #(
    parameter int HEAD_DIM = 32,
    parameter int BANKS = 1,
    parameter int DEPTH = 1024,  // words of a bank
    parameter int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input wire logic clk,
    input wire logic [BANKS-1:0] write_key,
    input wire logic [BANKS-1:0] write_value,
    input wire logic [ADDRESS_BITS-1:0] write_address,
    input wire logic [HEAD_DIM*8-1:0] write_word,
    input wire logic signed [7:0] write_exponent,
    input wire logic read_key,  // keys, their exponents, and the values' exponents as value_exponents_a
    input wire logic [ADDRESS_BITS-1:0] key_address,
    output logic [BANKS*HEAD_DIM*8-1:0] key_words,
    output logic [BANKS*8-1:0] key_exponents,
    output logic [BANKS*8-1:0] value_exponents_a,
    input wire logic read_exponent,
    input wire logic [ADDRESS_BITS-1:0] exponent_address,
    output logic [BANKS*8-1:0] value_exponents_b,
    input wire logic read_value,
    input wire logic [ADDRESS_BITS-1:0] value_address,
    output logic [BANKS*HEAD_DIM*8-1:0] value_words
);
  for (genvar b = 0; b < BANKS; b++) begin : bank
    logic [HEAD_DIM*8-1:0] keys[0:DEPTH-1];
    logic [HEAD_DIM*8-1:0] values[0:DEPTH-1];
    logic [7:0] exponents_of_keys[0:DEPTH-1];
    logic [7:0] exponents_of_values[0:DEPTH-1];
    always_ff @(posedge clk) begin
      if (write_key[b]) begin
        keys[write_address] <= write_word;
        exponents_of_keys[write_address] <= write_exponent;
      end
      if (write_value[b]) begin
        values[write_address] <= write_word;
        exponents_of_values[write_address] <= write_exponent;
      end
      if (read_key) begin
        key_words[b*HEAD_DIM*8+:HEAD_DIM*8] <= keys[key_address];
        key_exponents[b*8+:8] <= exponents_of_keys[key_address];
        value_exponents_a[b*8+:8] <= exponents_of_values[key_address];
      end
      if (read_exponent) value_exponents_b[b*8+:8] <= exponents_of_values[exponent_address];
      if (read_value) value_words[b*HEAD_DIM*8+:HEAD_DIM*8] <= values[value_address];
    end
  end
endmodule

`default_nettype wire
