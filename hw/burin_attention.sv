// Attention of the query heads over the positions so far (contract 9): scores, softmax, values, division.
//
// Queries stay here as int8 with an exponent, a head a word. With n = position + 1, a head takes
//
//   2 n + 15 + SEGMENTS cycles     the query (1), the walk for scores and maxima (n), 4 until the maximum is known, the
//                                  walk for probabilities and values (n), 4 to the total, Reciprocal (6 with its use),
//                                  SEGMENTS segments of the result, at most W values each
//
// and the last word leaves 3 cycles behind that. HEAD_DIM multipliers of 8 x 8, HEAD_DIM of 16 x 8, SEGMENT of 33 x 25.
`default_nettype none
`include "burin_fixed.svh"

module burin_attention #(
    parameter int HEADS = 4,
    parameter int KV_HEADS = 2,
    parameter int HEAD_DIM = 32,
    parameter int SEGMENT = 16,
    parameter int CONTEXT = 512,
    parameter int KV_DEPTH = 1024,
    parameter int SEGMENTS = HEAD_DIM / SEGMENT,
    parameter int KV_BITS = KV_DEPTH > 1 ? $clog2(KV_DEPTH) : 1,
    parameter int HEAD_BITS = HEADS > 1 ? $clog2(HEADS) : 1
) (
    input wire logic clk,
    input wire logic reset,
    // queries
    input wire logic query_write,
    input wire logic [HEAD_BITS-1:0] query_head,
    input wire logic [HEAD_DIM*8-1:0] query_word,
    input wire logic signed [7:0] query_exponent,
    // run
    input wire logic start,
    input wire logic [31:0] position,
    input wire logic [KV_BITS-1:0] base,  // KV address of the layer's first head, position 0
    // KV memory
    output logic read_key,
    output logic [KV_BITS-1:0] key_address,
    input wire logic [HEAD_DIM*8-1:0] key_word,
    input wire logic signed [7:0] key_exponent,
    input wire logic signed [7:0] value_exponent_a,
    output logic read_exponent,
    output logic [KV_BITS-1:0] exponent_address,
    input wire logic signed [7:0] value_exponent_b,
    output logic read_value,
    output logic [KV_BITS-1:0] value_address,
    input wire logic [HEAD_DIM*8-1:0] value_word,
    // result, segment by segment
    output logic out_valid,
    output logic [SEGMENT*32-1:0] out_word,
    output logic busy
);
  localparam int SCORE_BITS = CONTEXT > 1 ? $clog2(CONTEXT) : 1;
  localparam int SHARE = HEADS / KV_HEADS;  // query heads of a KV head
  `BURIN_SCALE(scale_score, 24)
  `BURIN_SCALE(scale_out, 58)
  `BURIN_BIT_LENGTH(bit_length, 40)

  logic [HEAD_DIM*8+7:0] queries[0:HEADS-1];
  logic [HEAD_DIM*8+7:0] query;
  logic signed [31:0] scores[0:CONTEXT-1];

  // ---- walks
  typedef enum logic [2:0] {IDLE, LOAD, SCORES, WAIT_MAXIMUM, VALUES, WAIT_RECIPROCAL, DIVIDE} state_t;
  state_t state;
  logic [HEAD_BITS-1:0] head;
  logic [15:0] shared;
  logic [KV_BITS-1:0] head_base;
  logic [31:0] index;
  logic [1:0] pause;
  logic [7:0] segment;
  logic root_valid;
  logic pipe_busy;

  assign busy = (state != IDLE) | pipe_busy;
  always_ff @(posedge clk) begin
    if (query_write) queries[query_head] <= {query_exponent, query_word};
    if (state == LOAD) query <= queries[head];
    if (reset) state <= IDLE;
    else begin
      case (state)
        LOAD: begin
          index <= 32'd0;
          state <= SCORES;
        end
        SCORES: begin
          index <= index + 32'd1;
          pause <= 2'd0;
          if (index == position) state <= WAIT_MAXIMUM;
        end
        WAIT_MAXIMUM: begin
          index <= 32'd0;
          pause <= pause + 2'd1;
          if (pause == 2'd3) state <= VALUES;
        end
        VALUES: begin
          index <= index + 32'd1;
          if (index == position) state <= WAIT_RECIPROCAL;
        end
        WAIT_RECIPROCAL: begin
          segment <= 8'd0;
          if (root_valid) state <= DIVIDE;
        end
        DIVIDE: begin
          segment <= segment + 8'd1;
          if (segment + 8'd1 == 8'(SEGMENTS)) begin
            state <= LOAD;
            head <= head + 1'b1;
            shared <= shared + 16'd1;
            if (shared + 16'd1 == 16'(SHARE)) begin
              shared <= 16'd0;
              head_base <= head_base + KV_BITS'(CONTEXT);
            end
            if (head == HEAD_BITS'(HEADS - 1)) state <= IDLE;
          end
        end
        default: begin
          head <= '0;
          shared <= 16'd0;
          head_base <= base;
          if (start) state <= LOAD;
        end
      endcase
    end
  end

  // ---- scores: key | products | dot | score | maximum
  logic [4:1] score_valid, score_first;
  logic [SCORE_BITS-1:0] score_index1, score_index2, score_index3, score_index4;
  logic signed [15:0] product[0:HEAD_DIM-1];
  logic signed [7:0] key_exponent2, key_exponent3, value_maximum;
  logic signed [23:0] dot, dot_sum;
  logic signed [31:0] score, maximum;
  assign read_key = state == SCORES;
  assign key_address = head_base + KV_BITS'(index);
  always_comb begin
    dot_sum = 24'sd0;
    if (score_valid[2]) for (int d = 0; d < HEAD_DIM; d++) dot_sum = dot_sum + 24'(product[d]);
  end
  function automatic logic signed [31:0] limited(input logic signed [31:0] v);
    if (v > 32'sh40000000) limited = 32'sh40000000;
    else if (v < -32'sh40000000) limited = -32'sh40000000;
    else limited = v;
  endfunction
  always_ff @(posedge clk) begin
    score_valid <= reset ? 4'd0 : {score_valid[3:1], state == SCORES};
    score_first <= {score_first[3:1], index == 32'd0};
    if (state == SCORES) score_index1 <= SCORE_BITS'(index);
    if (score_valid[1]) begin
      score_index2 <= score_index1;
      for (int d = 0; d < HEAD_DIM; d++) begin
        product[d] <= 16'($signed(query[d*8+:8])) * 16'($signed(key_word[d*8+:8]));
      end
      key_exponent2 <= key_exponent;
      if (score_first[1] || value_exponent_a > value_maximum) value_maximum <= value_exponent_a;
    end
    if (score_valid[2]) begin
      score_index3 <= score_index2;
      dot <= dot_sum;
      key_exponent3 <= key_exponent2;
    end
    if (score_valid[3]) begin
      score_index4 <= score_index3;
      score <= limited(scale_score(dot, 12'($signed(query[HEAD_DIM*8+:8])) + 12'(key_exponent3) + 12'sd16));
    end
    if (score_valid[4]) begin
      scores[score_index4] <= score;
      if (score_first[4] || score > maximum) maximum <= score;
    end
  end

  // ---- probabilities: score | distance | table | p | aligned, total | times value, sum
  logic [5:1] p_valid, p_first;
  logic signed [31:0] score1;
  logic [31:0] distance2;
  logic [7:0] rest3;
  logic [15:0] whole3, entry3, next3, value3, p4;
  logic [14:0] shifted3;
  logic [15:0] weight5;
  logic [39:0] total;
  logic signed [47:0] sum[0:HEAD_DIM-1];
  logic [KV_BITS-1:0] address1, address2, address3, address4;
  logic signed [8:0] align;
  burin_table_exp2 table_exp2 (.clk, .enable(p_valid[2]), .index(distance2[15:8]), .entry(entry3), .next(next3));
  always_comb begin
    value3 = 16'd0;
    shifted3 = 15'd0;
    if (p_valid[3]) begin
      value3 = entry3 - 16'((24'(16'(entry3 - next3)) * 24'(rest3) + 24'd128) >> 8);
      if (whole3 <= 16'd15) begin
        // RoundShift by the whole part; 2^15 becomes 2^15 - 1.
        shifted3 = round_shift15(value3, whole3[3:0]);
      end
    end
  end
  function automatic logic [14:0] round_shift15(input logic [15:0] v, input logic [3:0] s);
    logic [16:0] r;
    r = (17'(v) + ((17'd1 << s) >> 1)) >> s;
    round_shift15 = r > 17'd32767 ? 15'd32767 : r[14:0];
  endfunction
  assign align = 9'(value_maximum) - 9'(value_exponent_b);
  assign read_exponent = p_valid[3];
  assign exponent_address = address3;
  assign read_value = p_valid[4];
  assign value_address = address4;
  always_ff @(posedge clk) begin
    p_valid <= reset ? 5'd0 : {p_valid[4:1], state == VALUES};
    p_first <= {p_first[4:1], index == 32'd0};
    if (state == VALUES) begin
      score1 <= scores[SCORE_BITS'(index)];
      address1 <= head_base + KV_BITS'(index);
    end
    if (p_valid[1]) begin
      distance2 <= maximum - score1;
      address2 <= address1;
    end
    if (p_valid[2]) begin
      rest3 <= distance2[7:0];
      whole3 <= distance2[31:16];
      address3 <= address2;
    end
    if (p_valid[3]) begin
      p4 <= 16'(shifted3);
      address4 <= address3;
    end
    if (p_valid[4]) begin
      // p < 2^15: a shift above 15 leaves nothing.
      weight5 <= align > 9'sd15 ? 16'd0 : 16'((17'(p4) + ((17'd1 << align[3:0]) >> 1)) >> align[3:0]);
      total <= (p_first[4] ? 40'd0 : total) + 40'(p4);
    end
    if (p_valid[5]) begin
      for (int d = 0; d < HEAD_DIM; d++) begin
        sum[d] <= (p_first[5] ? 48'sd0 : sum[d]) + 48'($signed({1'b0, weight5})) * 48'($signed(value_word[d*8+:8]));
      end
    end
  end

  // ---- division: dropped bits | times the reciprocal | scaled
  logic total_last4, total_last5;
  logic [24:0] mantissa;
  logic [6:0] length;
  logic [5:0] drop;
  logic signed [11:0] exponent;
  always_ff @(posedge clk) begin
    total_last4 <= p_valid[3] & (state == WAIT_RECIPROCAL) & ~p_valid[2] & ~reset;
    total_last5 <= total_last4 & ~reset;
  end
  burin_reciprocal reciprocal (
      .clk, .reset, .in_valid(total_last5), .x(64'(total)), .out_valid(root_valid), .mantissa, .length);
  logic [6:0] total_length;
  assign total_length = bit_length(total);
  logic [3:1] out_stage;
  logic signed [32:0] dropped1[0:SEGMENT-1];
  logic signed [57:0] scaled2[0:SEGMENT-1];
  assign pipe_busy = (|out_stage[2:1]) | out_valid;
  assign out_valid = out_stage[3];
  always_ff @(posedge clk) begin
    out_stage <= reset ? 3'd0 : {out_stage[2:1], state == DIVIDE};
    if (total_last5) drop <= total_length > 7'd24 ? 6'(total_length - 7'd24) : 6'd0;
    if (root_valid) exponent <= 12'(value_maximum) - 12'sd7 - $signed({5'd0, length}) + $signed({6'd0, drop});
  end
  for (genvar l = 0; l < SEGMENT; l++) begin : lane
    always_ff @(posedge clk) begin
      if (state == DIVIDE) begin
        dropped1[l] <= 33'((sum[32'(segment)*SEGMENT+l] + $signed((48'd1 << drop) >> 1)) >>> drop);
      end
      if (out_stage[1]) scaled2[l] <= 58'(dropped1[l]) * 58'($signed({1'b0, mantissa}));
      if (out_stage[2]) out_word[l*32+:32] <= scale_out(scaled2[l], exponent);
    end
  end
endmodule

`default_nettype wire
