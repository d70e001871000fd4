// RMSNorm (contract 6) of `vectors` vectors of `words` words of W values, optionally times a gain. Three walks over all of
// them: the largest magnitude of each; the sum of squares of each; scaling. With n = vectors * words, m = vectors *
// out_words (a vector filled up with zero words to whole groups), the walks take 2 n + m + 13 cycles; the first word leaves
// 2 n + 16 cycles behind the start of the first walk (18 with gain), then one a cycle.
//
// The unit asks for word `read_index` (vector * words + i) and has it in the next cycle, together with word
// `gain_index` = i of the gain.
`default_nettype none
`include "burin_fixed.svh"

module burin_norm #(
    parameter int LANES = 16,
    parameter int VECTORS = 1,  // at most
    parameter int VECTOR_BITS = VECTORS > 1 ? $clog2(VECTORS) : 1
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic start,
    // operands, stable from start to the end
    input wire logic [15:0] vectors,
    input wire logic [15:0] words,
    input wire logic [15:0] out_words,
    input wire logic [16:0] root,                // [2^15, 2^16]
    input wire logic signed [7:0] root_exponent,
    input wire logic [62:0] epsilon,
    input wire logic gain,
    input wire logic signed [7:0] gain_exponent,  // that of ScaleToInt32 behind the gain
    // vector memory
    output logic read,
    output logic [15:0] read_index,
    input wire logic [LANES*32-1:0] read_word,
    output logic gain_read,
    output logic [15:0] gain_index,
    input wire logic [LANES*32-1:0] gain_word,
    // results in order
    output logic out_valid,
    output logic [LANES*32-1:0] out_word,
    output logic busy  // until the last word has been asked for
);
  `BURIN_BIT_LENGTH(bit_length, 32)
  `BURIN_SCALE(scale_norm, 50)
  `BURIN_SCALE(scale_gain, 48)

  typedef enum logic [2:0] {IDLE, MAXIMUM, GAP, SQUARES, ROOT, SCALE} state_t;
  state_t state;
  logic [15:0] word, place, vector;  // word of the vector, of all, number of the vector
  logic [15:0] length_of_walk;       // words of a vector in this walk
  logic last_word, last_vector;
  logic factors_there;

  // Walks.
  assign busy = state != IDLE;
  assign read = (state == MAXIMUM) | (state == SQUARES) | ((state == SCALE) & (word < words));
  assign read_index = place;
  assign gain_read = gain & (state == SCALE) & (word < words);
  assign gain_index = word;
  assign length_of_walk = state == SCALE ? out_words : words;
  assign last_word = word + 16'd1 == length_of_walk;
  assign last_vector = vector + 16'd1 == vectors;

  always_ff @(posedge clk) begin
    if (reset) state <= IDLE;
    else begin
      case (state)
        MAXIMUM, SQUARES, SCALE: begin
          word <= last_word ? 16'd0 : word + 16'd1;
          if (word < words) place <= place + 16'd1;
          if (last_word) begin
            vector <= vector + 16'd1;
            if (last_vector) state <= state == MAXIMUM ? GAP : state == SQUARES ? ROOT : IDLE;
          end
        end
        GAP, ROOT: begin
          place <= 16'd0;
          vector <= 16'd0;
          if (state == GAP) state <= SQUARES;
          else if (factors_there) state <= SCALE;
        end
        default: begin
          word <= 16'd0;
          place <= 16'd0;
          vector <= 16'd0;
          if (start) state <= MAXIMUM;
        end
      endcase
    end
  end

  // Walk 1: OR of the magnitudes has the length of the largest.
  logic max_valid, max_first, max_last, shift_due;
  logic [VECTOR_BITS-1:0] max_vector, shift_vector;
  logic [31:0] bits, word_bits;
  logic [6:0] length;
  logic [4:0] shifts[0:VECTORS-1];
  assign length = bit_length(bits);
  always_comb begin
    word_bits = 32'd0;
    if (max_valid) begin
      for (int l = 0; l < LANES; l++) begin
        word_bits = word_bits | (read_word[l*32+31] ? ~read_word[l*32+:32] + 32'd1 : read_word[l*32+:32]);
      end
    end
  end
  always_ff @(posedge clk) begin
    max_valid <= (state == MAXIMUM) & ~reset;
    max_first <= word == 16'd0;
    max_last <= last_word;
    max_vector <= VECTOR_BITS'(vector);
    shift_due <= max_valid & max_last;
    shift_vector <= max_vector;
    if (max_valid) bits <= (max_first ? 32'd0 : bits) | word_bits;
    if (shift_due) shifts[shift_vector] <= length > 7'd15 ? 5'(length - 7'd15) : 5'd0;
  end

  // Walk 2: data | u, 15-bit magnitudes | squares | lane sum | total.
  logic [4:1] sum_valid, sum_first, sum_last;
  logic [VECTOR_BITS-1:0] sum_vector1, sum_vector2, sum_vector3, sum_vector4, due_vector;
  logic total_due, total_valid;
  logic signed [16:0] u[0:LANES-1];
  logic [30:0] square[0:LANES-1];
  logic [45:0] lane_sum, sum;
  logic [63:0] total, with_epsilon;
  logic [63:0] lanes_total;
  logic [4:0] due_shift;
  assign due_shift = shifts[due_vector];
  always_comb begin
    lanes_total = 64'd0;
    if (sum_valid[3]) for (int l = 0; l < LANES; l++) lanes_total = lanes_total + 64'(square[l]);
    with_epsilon = 64'd0;
    if (total_due) begin
      with_epsilon = 64'(sum) + ((64'(epsilon) + ((64'd1 << {due_shift, 1'b0}) >> 1)) >> {due_shift, 1'b0});
    end
  end
  always_ff @(posedge clk) begin
    sum_valid <= reset ? 4'd0 : {sum_valid[3:1], state == SQUARES};
    sum_first <= {sum_first[3:1], word == 16'd0};
    sum_last <= {sum_last[3:1], last_word};
    total_due <= sum_valid[4] & sum_last[4] & ~reset;
    total_valid <= total_due;
    if (state == SQUARES) sum_vector1 <= VECTOR_BITS'(vector);
    if (sum_valid[1]) begin
      for (int l = 0; l < LANES; l++) u[l] <= round17(read_word[l*32+:32], shifts[sum_vector1]);
      sum_vector2 <= sum_vector1;
    end
    if (sum_valid[2]) begin
      for (int l = 0; l < LANES; l++) square[l] <= 31'(34'(u[l]) * 34'(u[l]));
      sum_vector3 <= sum_vector2;
    end
    if (sum_valid[3]) begin
      lane_sum <= 46'(lanes_total);
      sum_vector4 <= sum_vector3;
    end
    if (sum_valid[4]) begin
      sum <= (sum_first[4] ? 46'd0 : sum) + lane_sum;
      due_vector <= sum_vector4;
    end
    if (total_due) total <= with_epsilon == 64'd0 ? 64'd1 : with_epsilon;
  end
  function automatic logic signed [16:0] round17(input logic signed [31:0] x, input logic [4:0] s);
    round17 = 17'((33'(x) + $signed((33'd1 << s) >> 1)) >>> s);
  endfunction

  logic root_valid;
  logic [24:0] mantissa;
  logic signed [6:0] power;
  burin_reciprocal_root reciprocal_root (
      .clk, .reset, .in_valid(total_valid), .x(total), .out_valid(root_valid), .mantissa, .exponent(power));

  // The root's pipe keeps the order of the vectors.
  logic [VECTOR_BITS-1:0] root_vector;
  logic [17:0] factors[0:VECTORS-1];
  logic signed [11:0] exponents[0:VECTORS-1];
  assign factors_there = root_valid && 16'(root_vector) + 16'd1 == vectors;
  always_ff @(posedge clk) begin
    if (start) root_vector <= '0;
    else if (root_valid) begin
      root_vector <= root_vector + 1'b1;
      factors[root_vector] <= 18'((42'(mantissa) * 42'(root)) >> 23);
      exponents[root_vector] <= 12'(root_exponent) + 12'(power) - $signed({7'd0, shifts[root_vector]}) + 12'sd5;
    end
  end

  // Walk 3: data | times factor | scaled | times gain | scaled.
  logic [4:1] out_stage;
  logic zero;
  logic [VECTOR_BITS-1:0] out_vector1, out_vector2;
  logic [17:0] factor;
  assign factor = factors[out_vector1];
  logic signed [49:0] product[0:LANES-1];
  logic signed [47:0] gained[0:LANES-1];
  logic signed [31:0] normal[0:LANES-1];
  logic signed [31:0] value[0:LANES-1];
  logic [LANES*32-1:0] gain2, gain3;
  always_ff @(posedge clk) begin
    out_stage <= reset ? 4'd0 : {out_stage[3:1], state == SCALE};
    zero <= word >= words;
    out_vector1 <= VECTOR_BITS'(vector);
    out_vector2 <= out_vector1;
    if (out_stage[1]) begin
      for (int l = 0; l < LANES; l++) begin
        product[l] <= zero ? 50'sd0 : 50'($signed(read_word[l*32+:32])) * 50'($signed({1'b0, factor}));
      end
    end
    if (out_stage[2]) for (int l = 0; l < LANES; l++) normal[l] <= scale_norm(product[l], exponents[out_vector2]);
    if (gain) begin
      if (out_stage[1]) gain2 <= gain_word;
      if (out_stage[2]) gain3 <= gain2;
      if (out_stage[3]) begin
        for (int l = 0; l < LANES; l++) gained[l] <= 48'(normal[l]) * 48'($signed(gain3[l*32+:16]));
      end
      if (out_stage[4]) for (int l = 0; l < LANES; l++) value[l] <= scale_gain(gained[l], 12'(gain_exponent));
    end
  end
  logic gained_valid;
  always_ff @(posedge clk) gained_valid <= out_stage[4] & ~reset;
  assign out_valid = gain ? gained_valid : out_stage[3];
  for (genvar l = 0; l < LANES; l++) begin : out
    assign out_word[l*32+:32] = gain ? value[l] : normal[l];
  end
endmodule

`default_nettype wire
