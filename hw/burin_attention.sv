// Attention of the query heads over the positions so far (contract 9): scores, softmax, values, division; A =
// HEADS_AT_ONCE query heads and P = POSITIONS_AT_ONCE positions a cycle.
//
// Queries stay here as int8 with an exponent. With n = ceil((position + 1) / P) and t = ceil(log2(P)), a round of A heads
// takes
//
//   2 n + t + 15 + A * SEGMENTS cycles     the queries (1), the walk for scores and maxima (n), 4 + t until the maximum is
//                                          known, the walk for probabilities and values (n), 4 to the total, Reciprocal
//                                          (6 with its use), A * SEGMENTS segments of the result, SEGMENT values each
//
// and the last word leaves 3 cycles behind that. A * P * HEAD_DIM multipliers of 8 x 8 and of 16 x 8, SEGMENT of 33 x 25.
// A divides HEADS, and A divides the query heads of a KV head or the other way round; P <= 32.
//
// The datapath is one process with its stages from the last to the first (see burin_bank.sv).
`default_nettype none
`include "burin_fixed.svh"

module burin_attention #(
    parameter int HEADS = 4,
    parameter int KV_HEADS = 2,
    parameter int HEAD_DIM = 32,
    parameter int SEGMENT = 16,
    parameter int CONTEXT = 512,
    parameter int HEADS_AT_ONCE = 1,
    parameter int POSITIONS_AT_ONCE = 1,
    parameter int KV_DEPTH = 1024,  // words of a bank of the KV memory
    parameter int SEGMENTS = HEAD_DIM / SEGMENT,
    parameter int SHARE = HEADS / KV_HEADS,  // query heads of a KV head
    parameter int KV_AT_ONCE = HEADS_AT_ONCE > SHARE ? HEADS_AT_ONCE / SHARE : 1,
    parameter int BANKS = KV_AT_ONCE * POSITIONS_AT_ONCE,
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
    input wire logic [BANKS*HEAD_DIM*8-1:0] key_words,
    input wire logic [BANKS*8-1:0] key_exponents,
    input wire logic [BANKS*8-1:0] value_exponents_a,
    output logic read_exponent,
    output logic [KV_BITS-1:0] exponent_address,
    input wire logic [BANKS*8-1:0] value_exponents_b,
    output logic read_value,
    output logic [KV_BITS-1:0] value_address,
    input wire logic [BANKS*HEAD_DIM*8-1:0] value_words,
    // result, segment by segment
    output logic out_valid,
    output logic [SEGMENT*32-1:0] out_word,
    output logic busy
);
  localparam int A = HEADS_AT_ONCE, P = POSITIONS_AT_ONCE, D = HEAD_DIM;
  localparam int ROWS = (CONTEXT + P - 1) / P;
  localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int TREE = P > 1 ? $clog2(P) : 0;  // registers of the trees over positions
  localparam int STAGE_1 = TREE > 0 ? 1 : 0;
  localparam int SPREAD = A / KV_AT_ONCE;       // heads at once of a KV head
  `BURIN_SCALE(scale_score, 24)
  `BURIN_SCALE(scale_out, 58)
  `BURIN_BIT_LENGTH(bit_length, 40)

  // ---- walks
  typedef enum logic [2:0] {IDLE, LOAD, SCORES, WAIT_MAXIMUM, VALUES, WAIT_RECIPROCAL, DIVIDE} state_t;
  state_t state;
  logic [15:0] first_head, shared;
  logic [KV_BITS-1:0] head_base;
  logic [31:0] index, last_index;
  logic [P-1:0] lanes;  // positions of this row that exist
  logic [3:0] pause;
  logic [15:0] segment;
  logic reciprocal_there;
  logic [3:1] out_stage;

  assign last_index = position / P;
  for (genvar p = 0; p < P; p++) begin : lane_mask
    if (p == 0) assign lanes[p] = 1'b1;
    else assign lanes[p] = index < last_index || 32'(p) <= position % P;
  end
  assign busy = (state != IDLE) | (|out_stage);
  always_ff @(posedge clk) begin
    if (reset) state <= IDLE;
    else begin
      case (state)
        LOAD: begin
          index <= 32'd0;
          state <= SCORES;
        end
        SCORES: begin
          index <= index + 32'd1;
          pause <= 4'd0;
          if (index == last_index) state <= WAIT_MAXIMUM;
        end
        WAIT_MAXIMUM: begin
          index <= 32'd0;
          pause <= pause + 4'd1;
          if (pause == 4'(3 + TREE)) state <= VALUES;
        end
        VALUES: begin
          index <= index + 32'd1;
          if (index == last_index) state <= WAIT_RECIPROCAL;
        end
        WAIT_RECIPROCAL: begin
          segment <= 16'd0;
          if (reciprocal_there) state <= DIVIDE;
        end
        DIVIDE: begin
          segment <= segment + 16'd1;
          if (segment + 16'd1 == 16'(A * SEGMENTS)) begin
            state <= first_head + 16'(A) == 16'(HEADS) ? IDLE : LOAD;
            first_head <= first_head + 16'(A);
            shared <= shared + 16'(A);
            if (shared + 16'(A) >= 16'(SHARE)) begin
              shared <= 16'd0;
              head_base <= head_base + KV_BITS'(ROWS);
            end
          end
        end
        default: begin
          first_head <= 16'd0;
          shared <= 16'd0;
          head_base <= base;
          if (start) state <= LOAD;
        end
      endcase
    end
  end

  // ---- addresses: keys with the scores; exponents 3 and values 4 cycles behind the score that is read
  logic [5:1] p_valid, p_first;
  logic [KV_BITS-1:0] address1, address2, address3, address4;
  assign read_key = state == SCORES;
  assign key_address = head_base + KV_BITS'(index);
  assign read_exponent = p_valid[3];
  assign exponent_address = address3;
  assign read_value = p_valid[4];
  assign value_address = address4;

  // ---- tables, one a head and position
  logic [A*P*32-1:0] distance;
  logic [A*P*16-1:0] entries, nexts;
  for (genvar i = 0; i < A * P; i++) begin : softmax
    burin_table_exp2 table_exp2 (
        .clk, .enable(p_valid[2]), .index(distance[i*32+8+:8]), .entry(entries[i*16+:16]), .next(nexts[i*16+:16]));
  end

  // ---- reciprocals, one head behind the other
  logic total_last4, total_last5, reciprocal_valid;
  logic [15:0] asked, answered;
  logic asking;
  logic [A*40-1:0] total;
  logic [39:0] asked_total;
  logic [24:0] reciprocal_mantissa;
  logic [6:0] reciprocal_length;
  assign asking = total_last5 || asked != 16'd0;
  assign asked_total = total[32'(asked)*40+:40];
  burin_reciprocal reciprocal (
      .clk, .reset, .in_valid(asking), .x(64'(asked_total)), .out_valid(reciprocal_valid), .mantissa(reciprocal_mantissa),
      .length(reciprocal_length));
  assign reciprocal_there = reciprocal_valid && answered == 16'd0;
  always_ff @(posedge clk) begin
    total_last4 <= p_valid[3] & (state == WAIT_RECIPROCAL) & ~p_valid[2] & ~reset;
    total_last5 <= total_last4 & ~reset;
    if (reset) begin
      asked <= 16'd0;
      answered <= 16'd0;
    end else begin
      if (asking) asked <= asked + 16'd1 == 16'(A) ? 16'd0 : asked + 16'd1;
      if (reciprocal_valid) answered <= answered + 16'd1 == 16'(A) ? 16'd0 : answered + 16'd1;
    end
  end

  function automatic logic signed [31:0] limited(input logic signed [31:0] v);
    if (v > 32'sh40000000) limited = 32'sh40000000;
    else if (v < -32'sh40000000) limited = -32'sh40000000;
    else limited = v;
  endfunction
  // Exp2Negative from its table words: interpolation, RoundShift by the whole part; 2^15 becomes 2^15 - 1.
  function automatic logic [14:0] probability(input logic [15:0] high, input logic [15:0] low, input logic [7:0] rest,
                                              input logic [15:0] whole);
    logic [15:0] value;
    logic [16:0] rounded;
    value = high - 16'((24'(16'(high - low)) * 24'(rest) + 24'd128) >> 8);
    rounded = (17'(value) + ((17'd1 << whole[3:0]) >> 1)) >> whole[3:0];
    if (whole > 16'd15) probability = 15'd0;
    else if (rounded > 17'd32767) probability = 15'd32767;
    else probability = rounded[14:0];
  endfunction

  // ---- datapath
  /* verilator lint_off BLKSEQ */
  logic [D*8+7:0] queries[0:HEADS-1];
  logic [D*8+7:0] query[0:A-1];
  logic [A*P*32-1:0] scores[0:ROWS-1];
  logic [A*P*32-1:0] score_word, score1;
  logic [4+TREE:1] score_valid, score_first;
  logic [P-1:0] lanes1, lanes2, lanes3, lanes4, p_lanes1, p_lanes2, p_lanes3, p_lanes4;
  logic [ROW_BITS-1:0] row1, row2, row3, row4;
  logic signed [15:0] product[0:A*P*D-1];
  logic signed [23:0] dot[0:A*P-1];
  logic signed [31:0] score[0:A*P-1];
  logic signed [31:0] row_maximum[0:(TREE+1)*A-1];  // stage 0 is what the tree gives
  logic signed [31:0] maximum[0:A-1];
  logic [BANKS*8-1:0] exponents2, exponents3;
  logic signed [7:0] value_maximum[0:KV_AT_ONCE-1];
  logic [7:0] rest3[0:A*P-1];
  logic [15:0] whole3[0:A*P-1];
  logic [14:0] p4[0:A*P-1];
  logic [15:0] weight5[0:A*P-1];
  logic [TREE+1:0] sum_valid, sum_first;  // 1 .. TREE: registers of the tree
  logic signed [47:0] row_sum[0:(TREE+1)*A*D-1];
  logic signed [47:0] sum[0:A*D-1];
  logic signed [8:0] align;
  logic [39:0] row_total;
  logic [A*40-1:0] next_total;
  logic [A*P*32-1:0] next_distance;
  logic [5:0] drop[0:A-1];
  logic [6:0] total_length;
  logic [24:0] mantissa[0:A-1];
  logic signed [11:0] exponent[0:A-1];
  logic signed [32:0] dropped1[0:SEGMENT-1];
  logic signed [57:0] scaled2[0:SEGMENT-1];
  logic [15:0] head1, head2;
  logic first_there;

  assign out_valid = out_stage[3];

  always_ff @(posedge clk) begin
    if (query_write) queries[query_head] <= {query_exponent, query_word};
    if (reset) begin
      score_valid = '0;
      p_valid <= '0;
      sum_valid = '0;
      out_stage <= '0;
    end else if (busy) begin
      // Division: dropped bits | times the reciprocal | scaled.
      if (out_stage[2]) begin
        for (int l = 0; l < SEGMENT; l++) out_word[l*32+:32] <= scale_out(scaled2[l], exponent[32'(head2)]);
      end
      if (out_stage[1]) begin
        head2 = head1;
        for (int l = 0; l < SEGMENT; l++) scaled2[l] = 58'(dropped1[l]) * 58'($signed({1'b0, mantissa[32'(head1)]}));
      end
      if (state == DIVIDE) begin
        head1 = segment / 16'(SEGMENTS);
        for (int l = 0; l < SEGMENT; l++) begin
          dropped1[l] = 33'((sum[32'(segment)*SEGMENT+l] + $signed((48'd1 << drop[32'(head1)]) >> 1)) >>> drop[32'(head1)]);
        end
      end
      out_stage <= {out_stage[2:1], state == DIVIDE};
      if (reciprocal_valid) begin
        mantissa[32'(answered)] = reciprocal_mantissa;
        exponent[32'(answered)] = 12'(value_maximum[32'(answered)/SPREAD]) - 12'sd7 - $signed({5'd0, reciprocal_length}) +
            $signed({6'd0, drop[32'(answered)]});
      end
      if (total_last5) begin
        for (int a = 0; a < A; a++) begin
          total_length = bit_length(total[a*40+:40]);
          drop[a] = total_length > 7'd24 ? 6'(total_length - 7'd24) : 6'd0;
        end
      end

      // Values: sum over the positions of the row, over the rows.
      if (TREE > 0 && sum_valid[TREE]) begin
        for (int i = 0; i < A * D; i++) sum[i] = (sum_first[TREE] ? 48'sd0 : sum[i]) + row_sum[TREE*A*D+i];
      end
      for (int t = TREE; t > 1; t--) begin
        for (int i = 0; i < A * D; i++) row_sum[t*A*D+i] = row_sum[(t-1)*A*D+i];
      end
      sum_valid = (TREE + 2)'({sum_valid[TREE:0] & ~(TREE + 1)'(1), 1'b0} | (TREE + 2)'({p_valid[5], 1'b0}));
      sum_first = (TREE + 2)'({sum_first[TREE:0] & ~(TREE + 1)'(1), 1'b0} | (TREE + 2)'({p_first[5], 1'b0}));

      // Probabilities: score | distance | table | p | aligned, total | times value.
      if (p_valid[5]) begin
        for (int a = 0; a < A; a++) begin
          for (int d = 0; d < D; d++) begin
            row_sum[a*D+d] = 48'sd0;
            for (int p = 0; p < P; p++) begin
              row_sum[a*D+d] = row_sum[a*D+d] + 48'($signed({1'b0, weight5[a*P+p]})) *
                  48'($signed(value_words[((a/SPREAD*P+p)*D+d)*8+:8]));
            end
          end
        end
        for (int i = 0; i < A * D; i++) begin
          if (TREE == 0) sum[i] = (p_first[5] ? 48'sd0 : sum[i]) + row_sum[i];
          else row_sum[STAGE_1*A*D+i] = row_sum[i];
        end
      end
      if (p_valid[4]) begin
        for (int a = 0; a < A; a++) begin
          row_total = 40'd0;
          for (int p = 0; p < P; p++) begin
            align = 9'(value_maximum[a/SPREAD]) - 9'($signed(value_exponents_b[(a/SPREAD*P+p)*8+:8]));
            // p < 2^15: a shift above 15 leaves nothing.
            weight5[a*P+p] = align > 9'sd15 || !p_lanes4[p] ? 16'd0 :
                16'((17'(p4[a*P+p]) + ((17'd1 << align[3:0]) >> 1)) >> align[3:0]);
            if (p_lanes4[p]) row_total = row_total + 40'(p4[a*P+p]);
          end
          next_total[a*40+:40] = (p_first[4] ? 40'd0 : total[a*40+:40]) + row_total;
        end
        total <= next_total;
      end
      if (p_valid[3]) begin
        for (int i = 0; i < A * P; i++) p4[i] = probability(entries[i*16+:16], nexts[i*16+:16], rest3[i], whole3[i]);
        address4 <= address3;
        p_lanes4 = p_lanes3;
      end
      if (p_valid[2]) begin
        for (int i = 0; i < A * P; i++) begin
          rest3[i] = distance[i*32+:8];
          whole3[i] = distance[i*32+16+:16];
        end
        address3 <= address2;
        p_lanes3 = p_lanes2;
      end
      if (p_valid[1]) begin
        for (int a = 0; a < A; a++) begin
          for (int p = 0; p < P; p++) begin
            next_distance[(a*P+p)*32+:32] = maximum[a] - $signed(score1[(a*P+p)*32+:32]);
          end
        end
        distance <= next_distance;
        address2 <= address1;
        p_lanes2 = p_lanes1;
      end
      p_valid <= {p_valid[4:1], state == VALUES};
      p_first <= {p_first[4:1], index == 32'd0};
      if (state == VALUES) begin
        score1 = scores[ROW_BITS'(index)];
        address1 <= head_base + KV_BITS'(index);
        p_lanes1 = lanes;
      end

      // Scores: keys | products | dot | score | maximum of the row | maximum.
      if (score_valid[4+TREE]) begin
        for (int a = 0; a < A; a++) begin
          first_there = score_first[4+TREE];
          if (first_there || row_maximum[TREE*A+a] > maximum[a]) maximum[a] = row_maximum[TREE*A+a];
        end
      end
      for (int t = TREE; t > 0; t--) for (int a = 0; a < A; a++) row_maximum[t*A+a] = row_maximum[(t-1)*A+a];
      if (score_valid[3]) begin
        row4 = row3;
        lanes4 = lanes3;
        for (int a = 0; a < A; a++) begin
          for (int p = 0; p < P; p++) begin
            score[a*P+p] = limited(scale_score(dot[a*P+p], 12'($signed(query[a][D*8+:8])) +
                12'($signed(exponents3[(a/SPREAD*P+p)*8+:8])) + 12'sd16));
            if (p == 0 || (lanes4[p] && score[a*P+p] > row_maximum[a])) row_maximum[a] = score[a*P+p];
            score_word[(a*P+p)*32+:32] = score[a*P+p];
          end
        end
        scores[row4] = score_word;
      end
      if (score_valid[2]) begin
        row3 = row2;
        lanes3 = lanes2;
        exponents3 = exponents2;
        for (int i = 0; i < A * P; i++) begin
          dot[i] = 24'sd0;
          for (int d = 0; d < D; d++) dot[i] = dot[i] + 24'(product[i*D+d]);
        end
      end
      if (score_valid[1]) begin
        row2 = row1;
        lanes2 = lanes1;
        exponents2 = key_exponents;
        for (int a = 0; a < A; a++) begin
          for (int p = 0; p < P; p++) begin
            for (int d = 0; d < D; d++) begin
              product[(a*P+p)*D+d] = 16'($signed(query[a][d*8+:8])) *
                  16'($signed(key_words[((a/SPREAD*P+p)*D+d)*8+:8]));
            end
          end
        end
        for (int k = 0; k < KV_AT_ONCE; k++) begin
          for (int p = 0; p < P; p++) begin
            if ((p == 0 && score_first[1]) ||
                (lanes2[p] && $signed(value_exponents_a[(k*P+p)*8+:8]) > value_maximum[k])) begin
              value_maximum[k] = value_exponents_a[(k*P+p)*8+:8];
            end
          end
        end
      end
      score_valid = (TREE + 4)'({score_valid, state == SCORES});
      score_first = (TREE + 4)'({score_first, index == 32'd0});
      if (state == SCORES) begin
        row1 = ROW_BITS'(index);
        lanes1 = lanes;
      end
      if (state == LOAD) for (int a = 0; a < A; a++) query[a] = queries[HEAD_BITS'(32'(first_head)+a)];
    end
  end
  /* verilator lint_on BLKSEQ */
endmodule

`default_nettype wire
