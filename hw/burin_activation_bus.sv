// Vectors on their way into the fabric: whichever unit runs gives words, the block quantizer makes int8 mantissas and a
// group's exponent of them (contract 2), and the bus carries them to the row drivers and the adapter engine.
//
// A word a cycle. Fractions: 20 bits behind RMSNorm, 32 behind SwiGLU, 16 of the vector memory. act_commit is the cycle
// behind the last word: act_common is the largest exponent then (E of contract 4.2; -64 at least).
`default_nettype none

module burin_activation_bus #(
    parameter int LANES = 16,
    parameter int GROUP_WORDS = 2  // words of a group
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic step_start,
    // which step runs: one of these, or none
    input wire logic norm,
    input wire logic swiglu,
    input wire logic quantize,
    input wire logic [15:0] padded_words,  // of the vector, filled up to whole groups
    // what the units give
    input wire logic norm_valid,
    input wire logic [LANES*32-1:0] norm_word,
    input wire logic swiglu_valid,
    input wire logic [LANES*64-1:0] swiglu_word,
    input wire logic walk_valid,
    input wire logic [LANES*32-1:0] walk_word,  // of the vector memory; zero behind the vector's end
    // to the row drivers
    output logic act_valid,
    output logic [15:0] act_word,
    output logic [LANES*8-1:0] act_data,
    output logic act_exp_valid,
    output logic [12:0] act_group,
    output logic signed [7:0] act_exp,
    output logic act_commit,
    output logic signed [7:0] act_common
);
  logic quantizer_valid, first, last;
  logic [LANES*64-1:0] quantizer_word;
  logic signed [7:0] fraction;
  logic [15:0] words_left;
  always_comb begin
    quantizer_valid = norm_valid && norm;
    fraction = 8'sd20;
    quantizer_word = '0;
    if (swiglu) begin
      quantizer_valid = swiglu_valid;
      fraction = 8'sd32;
      quantizer_word = swiglu_word;
    end else if (quantize) begin
      quantizer_valid = walk_valid;
      fraction = 8'sd16;
      for (int l = 0; l < LANES; l++) quantizer_word[l*64+:64] = 64'($signed(walk_word[l*32+:32]));
    end else if (norm) begin
      for (int l = 0; l < LANES; l++) quantizer_word[l*64+:64] = 64'($signed(norm_word[l*32+:32]));
    end
  end
  burin_block_quantizer #(.LANES(LANES), .WIDTH(64), .MAX_WORDS(GROUP_WORDS)) quantizer (
      .clk, .reset, .block_words(8'(GROUP_WORDS)), .fraction, .in_valid(quantizer_valid), .in_word(quantizer_word),
      .out_valid(act_valid), .out_first(first), .out_last(last), .out_word(act_data), .out_exponent(act_exp));
  assign act_exp_valid = act_valid & first;
  always_ff @(posedge clk) begin
    act_commit <= act_valid && words_left == 16'd1 && !reset;
    if (step_start) begin
      act_word <= 16'd0;
      act_group <= 13'd0;
      words_left <= padded_words;
      if (norm | quantize | swiglu) act_common <= -8'sd64;
    end else if (act_valid) begin
      act_word <= act_word + 16'd1;
      words_left <= words_left - 16'd1;
      if (last) act_group <= act_group + 13'd1;
      if (act_exp > act_common) act_common <= act_exp;
    end
  end
endmodule

`default_nettype wire
