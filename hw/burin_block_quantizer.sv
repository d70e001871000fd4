// Block-floating quantizer (contract 2): blocks of `block_words` words of W values -> int8 mantissas and one exponent a
// block. While a block streams in, the OR of its magnitudes gathers; then the block is read from its half of the buffer,
// shifted, rounded and limited while the next one fills the other half.
//
//   in_valid of a block's last word in cycle t -> first word out in t + 3, then one a cycle. A word a cycle; the words of
//   a block must follow each other without a gap of more than they like, blocks may follow without a gap.
//
// WIDTH: bits of a value, at most 64 with |value| <= 2^62.
`default_nettype none
`include "burin_fixed.svh"

module burin_block_quantizer #(
    parameter int LANES = 16,
    parameter int WIDTH = 64,
    parameter int MAX_WORDS = 8  // of a block, >= 1
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic [7:0] block_words,         // 1 .. MAX_WORDS
    input wire logic signed [7:0] fraction,     // of the values
    input wire logic in_valid,
    input wire logic [LANES*WIDTH-1:0] in_word,
    output logic out_valid,
    output logic out_first,                     // first word of a block
    output logic out_last,                      // last word of a block
    output logic [LANES*8-1:0] out_word,
    output logic signed [7:0] out_exponent      // of the block, with every word; -64 when all are zero
);
  localparam int INDEX_BITS = MAX_WORDS > 1 ? $clog2(MAX_WORDS) : 1;
  `BURIN_BIT_LENGTH(bit_length, WIDTH)

  // Filling.
  logic [LANES*WIDTH-1:0] buffer[0:(2<<INDEX_BITS)-1];
  logic half;
  logic [7:0] count;
  logic [WIDTH-1:0] bits, word_bits, gathered;
  logic full, full_half;
  logic [WIDTH-1:0] full_bits;

  always_comb begin
    word_bits = '0;
    if (in_valid) begin
      for (int l = 0; l < LANES; l++) begin
        word_bits = word_bits | (in_word[l*WIDTH+WIDTH-1] ? ~in_word[l*WIDTH+:WIDTH] + 1'b1 : in_word[l*WIDTH+:WIDTH]);
      end
    end
    gathered = (count == 8'd0 ? '0 : bits) | word_bits;
  end

  always_ff @(posedge clk) begin
    full <= 1'b0;
    if (reset) begin
      count <= 8'd0;
      half <= 1'b0;
    end else if (in_valid) begin
      buffer[{half, INDEX_BITS'(count)}] <= in_word;
      bits <= gathered;
      count <= count + 8'd1;
      if (count + 8'd1 == block_words) begin
        count <= 8'd0;
        half <= ~half;
        full <= 1'b1;
        full_half <= half;
        full_bits <= gathered;
      end
    end
  end

  // Shift of the block, then its words.
  logic [6:0] length;
  logic [5:0] shift;
  logic emitting, emit_half;
  logic [7:0] emit_count;
  logic signed [7:0] exponent;
  assign length = bit_length(full_bits);

  always_ff @(posedge clk) begin
    if (reset) emitting <= 1'b0;
    else if (full) begin
      emitting <= 1'b1;
      emit_half <= full_half;
      emit_count <= 8'd0;
      shift <= length > 7'd7 ? 6'(length - 7'd7) : 6'd0;
      exponent <= length == 7'd0 ? -8'sd64 : $signed({1'b0, length > 7'd7 ? length - 7'd7 : 7'd0}) - fraction;
    end else if (emitting) begin
      emit_count <= emit_count + 8'd1;
      if (emit_count + 8'd1 == block_words) emitting <= 1'b0;
    end
  end

  function automatic logic signed [7:0] mantissa(input logic signed [WIDTH-1:0] value, input logic [5:0] s);
    logic signed [63:0] rounded;
    rounded = 64'(value);
    rounded = (rounded + $signed((64'd1 << s) >> 1)) >>> s;
    if (rounded > 64'sd127) mantissa = 8'sd127;
    else if (rounded < -64'sd127) mantissa = -8'sd127;
    else mantissa = rounded[7:0];
  endfunction

  logic [LANES*WIDTH-1:0] read_word;
  assign read_word = buffer[{emit_half, INDEX_BITS'(emit_count)}];

  always_ff @(posedge clk) begin
    out_valid <= emitting & ~reset;
    if (emitting) begin
      out_first <= emit_count == 8'd0;
      out_last <= emit_count + 8'd1 == block_words;
      out_exponent <= exponent;
      for (int l = 0; l < LANES; l++) out_word[l*8+:8] <= mantissa(read_word[l*WIDTH+:WIDTH], shift);
    end
  end
endmodule

`default_nettype wire
