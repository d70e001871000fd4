// Layer engine: sequencer, vector memory, vector unit, attention, adapter engine, top-k; and the buses to the fabric.
// Steps run one after the other, so the units share the vector memory and the quantizer without arbitration: the running
// step's `op` selects who reads and who writes. hw/README.md describes ports and the program word.
`default_nettype none

module burin_engine #(
    parameter int LANES = 16,
    parameter int GROUP = 32,
    parameter int HIDDEN = 64,
    parameter int HEADS = 4,
    parameter int KV_HEADS = 2,
    parameter int HEAD_DIM = 32,
    parameter int CONTEXT = 64,
    parameter int LAYERS = 1,
    parameter int VECTOR_WORDS = 64,
    parameter int TOP_K = 8,
    parameter int HEAD_LANES = 1,
    parameter int EMBED_COLUMNS = 64,
    parameter int PASS_TAIL = 20,
    parameter int HEADS_AT_ONCE = 1,      // of the attention engine
    parameter int POSITIONS_AT_ONCE = 1,
    parameter int ADAPTER_RANKS = 16,
    parameter int ADAPTER_POSITIONS = 1,
    parameter int ADAPTER_TURNS = 1,
    parameter int ADAPTER_WORDS = 64,
    parameter int ADAPTER_ENTRIES = 7,
    parameter int ADAPTER_INPUT_WORDS = 16,
    parameter int RESIDUAL_FRACTION = 20,
    parameter logic [16:0] HIDDEN_ROOT = 17'd32768,
    parameter logic signed [7:0] HIDDEN_ROOT_EXPONENT = 8'sd3,
    parameter logic [62:0] HIDDEN_EPSILON = 63'd0,
    parameter logic [16:0] HEAD_ROOT = 17'd32768,
    parameter logic signed [7:0] HEAD_ROOT_EXPONENT = 8'sd2,
    parameter logic [62:0] HEAD_EPSILON = 63'd0
) (
    input wire logic clk,
    input wire logic reset,
    // token
    input wire logic start,
    input wire logic [31:0] token,
    input wire logic [31:0] position,
    input wire logic sampling,
    input wire logic adapter,
    output logic busy,
    output logic done,
    output logic [TOP_K*32-1:0] top_ids,
    output logic [TOP_K*32-1:0] top_logits,
    output logic step_busy,
    output logic [3:0] step_op,
    // ROMs
    output logic program_enable,
    output logic [15:0] program_address,
    input wire logic [159:0] program_word,
    output logic constant_enable,
    output logic [15:0] constant_address,
    input wire logic [LANES*32-1:0] constant_word,
    output logic rotary_enable,
    output logic [31:0] rotary_coarse,
    output logic [31:0] rotary_fine,
    input wire logic [31:0] coarse_word,
    input wire logic [31:0] fine_word,
    // row drivers
    output logic act_valid,
    output logic [9:0] act_select,
    output logic [15:0] act_word,
    output logic [LANES*8-1:0] act_data,
    output logic act_exp_valid,
    output logic [12:0] act_group,
    output logic signed [7:0] act_exp,
    output logic act_commit,
    output logic signed [7:0] act_common,
    output logic [4:0] act_drop,
    output logic pass_start,
    output logic [9:0] pass_select,
    output logic [15:0] pass_rows,
    // collect
    output logic collect,
    output logic [11:0] collect_matrix,
    output logic [15:0] collect_block,
    output logic [15:0] collect_word,
    input wire logic raw_valid,
    input wire logic [LANES*32-1:0] raw,
    // embedding
    output logic embed_start,
    output logic [15:0] embed_block,
    output logic [15:0] embed_column,
    output logic [15:0] embed_rows,
    output logic signed [7:0] embed_exponent,
    input wire logic embed_valid,
    input wire logic [15:0] embed_index,
    input wire logic [LANES*32-1:0] embed_data,
    // adapter memory
    input wire logic adapter_write,
    input wire logic [31:0] adapter_write_address,
    input wire logic [ADAPTER_POSITIONS*ADAPTER_RANKS*8-1:0] adapter_write_data,
    input wire logic adapter_table_write,
    input wire logic [15:0] adapter_table_address,
    input wire logic [127:0] adapter_table_data,
    // every write of the vector memory
    output logic trace_write,
    output logic [15:0] trace_address,
    output logic [LANES-1:0] trace_mask,
    output logic [LANES*32-1:0] trace_data
);
  localparam int SEGMENT = HEAD_DIM < LANES ? HEAD_DIM : LANES;
  localparam int SEGMENTS = HEAD_DIM / SEGMENT;  // of a head
  localparam int PARTS = LANES / SEGMENT;        // segments of a word
  localparam int HIDDEN_WORDS = (HIDDEN + LANES - 1) / LANES;
  localparam int WORD = LANES * 32;
  localparam int GROUP_WORDS = GROUP / LANES;

  // Values of Op in src/fabric/program.h.
  localparam logic [3:0] EMBED = 4'd0, NORM = 4'd1, ADAPT_DOWN = 4'd2, PASS = 4'd3, COLLECT = 4'd4, COLLECT_ADD = 4'd5,
      HEAD_NORM = 4'd6, ROTATE = 4'd7, QUANTIZE_HEADS = 4'd8, ATTEND = 4'd9, QUANTIZE = 4'd10, SWIGLU = 4'd11,
      COLLECT_LOGITS = 4'd12;

  // ---- the token and its program
  logic [31:0] token_now, position_now;
  logic sampling_now, adapter_now;
  always_ff @(posedge clk) begin
    if (start) begin
      token_now <= token;
      position_now <= position;
      sampling_now <= sampling;
      adapter_now <= adapter;
    end
  end

  logic [159:0] step;
  logic step_start, step_end;
  burin_sequencer sequencer (
      .clk, .reset, .start, .sampling(sampling_now), .adapter(adapter_now), .busy, .done, .program_enable,
      .program_address, .program_word, .step, .step_start, .step_busy, .step_end);

  logic [3:0] op;
  logic gain, bias;
  logic [1:0] kind;
  logic [9:0] layer;
  logic [15:0] source, source2, target, values, constant;
  logic signed [7:0] exponent;
  logic [11:0] block_words, adapter_entry;
  assign op = step[3:0];
  assign gain = step[6];
  assign bias = step[7];
  assign kind = step[9:8];
  assign act_select = step[19:10];
  assign source = step[35:20];
  assign source2 = step[51:36];
  assign target = step[67:52];
  assign values = step[83:68];
  assign exponent = step[91:84];
  assign act_drop = step[96:92];
  assign block_words = step[108:97];
  assign layer = step[118:109];
  assign collect_matrix = step[130:119];
  assign constant = step[146:131];
  assign adapter_entry = step[158:147];
  assign step_op = op;
  /* verilator lint_off UNUSEDSIGNAL */
  logic unused;
  assign unused = &{1'b0, step[159], step[5:4]};
  /* verilator lint_on UNUSEDSIGNAL */

  // The vector in words, and filled up to whole groups.
  logic [15:0] words, padded_words;
  assign words = 16'((32'(values) + LANES - 1) / LANES);
  assign padded_words = 16'((32'(values) + GROUP - 1) / GROUP * GROUP_WORDS);

  // ---- vector memory
  logic read_a, read_b, write;
  logic [15:0] address_a, address_b, write_address;
  logic [LANES-1:0] write_mask;
  logic [WORD-1:0] word_a, word_b, write_word;
  burin_vector_memory #(.LANES(LANES), .DEPTH(VECTOR_WORDS)) vector_memory (
      .clk, .read_a, .address_a, .word_a, .read_b, .address_b, .word_b, .write, .write_address, .write_mask, .write_word);
  assign trace_write = write;
  assign trace_address = write_address;
  assign trace_mask = write_mask;
  assign trace_data = write_word;

  // Segments of heads: SEGMENT values at `source`, segment_a and segment_b of them.
  logic [15:0] segment_a, segment_b, part_a, part_b;
  logic [SEGMENT*32-1:0] segment_word_a, segment_word_b;
  always_ff @(posedge clk) begin
    if (read_a) part_a <= segment_a % 16'(PARTS);
    if (read_b) part_b <= segment_b % 16'(PARTS);
  end
  if (PARTS == 1) begin : whole
    assign segment_word_a = word_a;
    assign segment_word_b = word_b;
    /* verilator lint_off UNUSEDSIGNAL */
    logic unused_parts;
    assign unused_parts = &{1'b0, part_a, part_b};
    /* verilator lint_on UNUSEDSIGNAL */
  end else begin : parts
    assign segment_word_a = word_a[32'(part_a)*SEGMENT*32+:SEGMENT*32];
    assign segment_word_b = word_b[32'(part_b)*SEGMENT*32+:SEGMENT*32];
  end

  // ---- walk over vectors that go straight to the quantizer (QUANTIZE, SWIGLU) and over heads (QUANTIZE_HEADS)
  logic walking, walk_valid, walk_zero;
  logic [15:0] walk_index, walk_end;
  assign walk_end = op == QUANTIZE_HEADS ? values * 16'(SEGMENTS) : padded_words;
  always_ff @(posedge clk) begin
    walk_valid <= walking & ~reset;
    walk_zero <= walk_index >= words && op != QUANTIZE_HEADS;
    if (reset) walking <= 1'b0;
    else if (step_start) begin
      walking <= op == QUANTIZE || op == SWIGLU || op == QUANTIZE_HEADS;
      walk_index <= 16'd0;
    end else if (walking) begin
      walk_index <= walk_index + 16'd1;
      if (walk_index + 16'd1 == walk_end) walking <= 1'b0;
    end
  end

  // ---- RMSNorm
  logic norm_read, norm_gain_read, norm_out_valid, norm_busy;
  logic [15:0] norm_index, norm_gain_index;
  logic [WORD-1:0] norm_word, norm_out;
  logic heads_norm;
  assign heads_norm = op == HEAD_NORM;
  if (PARTS == 1) begin : norm_whole
    assign norm_word = word_a;
  end else begin : norm_part
    assign norm_word = heads_norm ? {{(LANES - SEGMENT) * 32{1'b0}}, segment_word_a} : word_a;
  end
  burin_norm #(.LANES(LANES), .VECTORS(HEADS)) norm (
      .clk, .reset, .start(step_start && (op == NORM || heads_norm)),
      .vectors(heads_norm ? values : 16'd1),
      .words(heads_norm ? 16'(SEGMENTS) : words), .out_words(heads_norm ? 16'(SEGMENTS) : padded_words),
      .root(heads_norm ? HEAD_ROOT : HIDDEN_ROOT), .root_exponent(heads_norm ? HEAD_ROOT_EXPONENT : HIDDEN_ROOT_EXPONENT),
      .epsilon(heads_norm ? HEAD_EPSILON : HIDDEN_EPSILON), .gain(gain | heads_norm), .gain_exponent(exponent),
      .read(norm_read), .read_index(norm_index), .read_word(norm_word), .gain_read(norm_gain_read),
      .gain_index(norm_gain_index), .gain_word(constant_word), .out_valid(norm_out_valid), .out_word(norm_out),
      .busy(norm_busy));

  // ---- rotation
  logic rotate_read, rotate_valid, rotate_busy, angle_busy;
  logic [15:0] rotate_a, rotate_b, rotate_segment;
  logic [SEGMENT*32-1:0] rotate_word;
  burin_rotary #(.HEAD_DIM(HEAD_DIM), .SEGMENT(SEGMENT)) rotary (
      .clk, .reset, .angle_start(step_start && op == EMBED), .position(position_now), .angle_busy, .rotary_enable,
      .rotary_coarse, .rotary_fine, .coarse_word, .fine_word, .start(step_start && op == ROTATE), .heads(values),
      .read(rotate_read), .segment_a(rotate_a), .segment_b(rotate_b), .word_a(segment_word_a), .word_b(segment_word_b),
      .out_valid(rotate_valid), .out_segment(rotate_segment), .out_word(rotate_word), .busy(rotate_busy));

  // ---- SwiGLU
  logic swiglu_valid;
  logic [LANES*64-1:0] swiglu_out;
  burin_swiglu #(.LANES(LANES)) swiglu (
      .clk, .reset, .in_valid(walk_valid && op == SWIGLU), .gate(walk_zero ? '0 : word_a), .up(walk_zero ? '0 : word_b),
      .out_valid(swiglu_valid), .out_word(swiglu_out));

  // ---- block-floating quantizer and the activation bus
  burin_activation_bus #(.LANES(LANES), .GROUP_WORDS(GROUP_WORDS)) activation_bus (
      .clk, .reset, .step_start, .norm(op == NORM), .swiglu(op == SWIGLU), .quantize(op == QUANTIZE), .padded_words,
      .norm_valid(norm_out_valid), .norm_word(norm_out), .swiglu_valid, .swiglu_word(swiglu_out), .walk_valid,
      .walk_word(walk_zero ? '0 : word_a), .act_valid, .act_word, .act_data, .act_exp_valid, .act_group, .act_exp,
      .act_commit, .act_common);

  // ---- attention: heads to int8, KV memory, scores and values
  logic head_write, attend_valid;
  logic [15:0] head_index;
  logic [SEGMENT*32-1:0] attend_word;
  burin_attention_unit #(
      .HEADS(HEADS), .KV_HEADS(KV_HEADS), .HEAD_DIM(HEAD_DIM), .SEGMENT(SEGMENT), .CONTEXT(CONTEXT), .LAYERS(LAYERS),
      .HEADS_AT_ONCE(HEADS_AT_ONCE), .POSITIONS_AT_ONCE(POSITIONS_AT_ONCE)
  ) attention_unit (
      .clk, .reset, .step_start, .attend(op == ATTEND), .kind, .layer, .position(position_now),
      .in_valid(walk_valid && op == QUANTIZE_HEADS), .in_word(segment_word_a), .head_write, .head_index, .attend_valid,
      .attend_word);

  // ---- adapter
  logic adapter_busy, adapter_valid, adapter_absent, adapter_down_done;
  logic [WORD-1:0] adapter_word;
  logic is_collect;  // COLLECT or COLLECT_ADD
  assign is_collect = op == COLLECT || op == COLLECT_ADD;
  burin_adapter #(
      .LANES(LANES), .GROUP(GROUP), .RANKS(ADAPTER_RANKS), .POSITIONS(ADAPTER_POSITIONS), .MAX_TURNS(ADAPTER_TURNS),
      .WORDS(ADAPTER_WORDS), .ENTRIES(ADAPTER_ENTRIES), .INPUT_WORDS(ADAPTER_INPUT_WORDS)
  ) adapter_engine (
      .clk, .reset, .write(adapter_write), .write_address(adapter_write_address), .write_data(adapter_write_data),
      .table_write(adapter_table_write), .table_address(adapter_table_address), .table_data(adapter_table_data),
      .act_valid, .act_word, .act_data, .act_exp_valid, .act_group, .act_exp, .act_commit, .act_common,
      .down_start(step_start && op == ADAPT_DOWN), .up_start(step_start && is_collect && adapter_now),
      .entry(adapter_entry), .count(kind + 2'd1), .slot(kind), .values,
      .fraction(op == COLLECT_ADD ? 12'(RESIDUAL_FRACTION) : 12'sd16), .busy(adapter_busy), .out_valid(adapter_valid),
      .out_word(adapter_word), .up_absent(adapter_absent), .down_done(adapter_down_done));

  // ---- collect
  logic scaled_valid, bias_read, output_valid;
  logic [WORD-1:0] scaled, output_word;
  logic [15:0] returned, bias_index, output_index;
  burin_collector #(.LANES(LANES), .LOGIT_PAUSE(LANES / HEAD_LANES - 1)) collector (
      .clk, .reset, .step_start, .matrix(is_collect), .logits(op == COLLECT_LOGITS), .adapter(adapter_now), .words,
      .block_words, .collect, .collect_block, .collect_word, .raw_valid, .raw, .exponent(12'(act_common) + 12'(exponent)),
      .add_residual(op == COLLECT_ADD), .residual_word(word_a), .add_bias(bias && is_collect), .bias_read, .bias_index,
      .bias_word(constant_word), .adapter_absent, .adapter_valid, .adapter_word, .returned, .scaled_valid, .scaled,
      .output_valid, .output_index, .output_word);

  // ---- logits to top-k
  logic logit_ended;
  burin_logits #(.LANES(LANES), .TOP_K(TOP_K), .HEAD_LANES(HEAD_LANES)) logit_unit (
      .clk, .reset, .step_start, .active(op == COLLECT_LOGITS), .values, .word_valid(scaled_valid), .word(scaled),
      .ended(logit_ended), .top_ids, .top_logits);

  // ---- pass, embedding
  logic passing;
  logic [15:0] pass_left;
  logic pass_ended;
  assign pass_select = step[19:10];
  assign pass_rows = values;
  assign pass_start = step_start && op == PASS;
  assign pass_ended = passing && pass_left == 16'd1;
  always_ff @(posedge clk) begin
    if (reset) passing <= 1'b0;
    else if (pass_start) begin
      passing <= 1'b1;
      pass_left <= values + 16'(PASS_TAIL) - 16'd1;
    end else if (passing) begin
      pass_left <= pass_left - 16'd1;
      if (pass_left == 16'd1) passing <= 1'b0;
    end
  end
  logic [15:0] embed_left;
  assign embed_start = step_start && op == EMBED;
  assign embed_block = 16'(token_now / EMBED_COLUMNS);
  assign embed_column = 16'(token_now % EMBED_COLUMNS);
  assign embed_rows = values;
  assign embed_exponent = exponent;
  always_ff @(posedge clk) begin
    if (embed_start) embed_left <= 16'(HIDDEN_WORDS);
    else if (embed_valid) embed_left <= embed_left - 16'd1;
  end

  // ---- who reads
  always_comb begin
    segment_a = walk_index;
    segment_b = rotate_b;
    read_a = 1'b0;
    read_b = 1'b0;
    address_a = source;
    address_b = source2 + walk_index;
    case (op)
      NORM: begin
        read_a = norm_read;
        address_a = source + norm_index;
      end
      HEAD_NORM: begin
        read_a = norm_read;
        segment_a = norm_index;
        address_a = source + norm_index / 16'(PARTS);
      end
      ROTATE: begin
        read_a = rotate_read;
        read_b = rotate_read && SEGMENTS > 1;
        segment_a = rotate_a;
        address_a = source + rotate_a / 16'(PARTS);
        address_b = source + rotate_b / 16'(PARTS);
      end
      QUANTIZE_HEADS: begin
        read_a = walking;
        address_a = source + walk_index / 16'(PARTS);
      end
      QUANTIZE, SWIGLU: begin
        read_a = walking && walk_index < words;
        read_b = walking && walk_index < words && op == SWIGLU;
        address_a = source + walk_index;
      end
      COLLECT_ADD: begin
        read_a = raw_valid;
        address_a = target + returned;
      end
      default: read_a = 1'b0;
    endcase
  end
  assign constant_enable = norm_gain_read | bias_read;
  assign constant_address = constant + (bias_read ? bias_index : norm_gain_index);

  // ---- who writes. Segments go to their lanes; the first segment of a word of the attention output clears the others.
  logic [15:0] out_segment, out_count;
  logic segment_write;
  logic [SEGMENT*32-1:0] segment_out;
  always_comb begin
    segment_write = rotate_valid;
    out_segment = rotate_segment;
    segment_out = rotate_word;
    if (op == ATTEND) begin
      segment_write = attend_valid;
      out_segment = out_count;
      segment_out = attend_word;
    end else if (op == HEAD_NORM) begin
      segment_write = norm_out_valid;
      out_segment = out_count;
      segment_out = norm_out[SEGMENT*32-1:0];
    end
  end
  always_ff @(posedge clk) begin
    if (step_start) out_count <= 16'd0;
    else if (segment_write) out_count <= out_count + 16'd1;
  end
  logic [15:0] out_part;
  assign out_part = out_segment % 16'(PARTS);
  always_comb begin
    write = 1'b0;
    write_address = target + output_index;
    write_mask = '1;
    write_word = output_word;
    if (segment_write) begin
      write = 1'b1;
      write_address = target + out_segment / 16'(PARTS);
      for (int part = 0; part < PARTS; part++) begin
        write_word[part*SEGMENT*32+:SEGMENT*32] = out_part == 16'(part) ? segment_out : '0;
        write_mask[part*SEGMENT+:SEGMENT] = {SEGMENT{out_part == 16'(part) || (op == ATTEND && out_part == 16'd0)}};
      end
    end else if (op == EMBED) begin
      write = embed_valid;
      write_address = target + embed_index;
      write_word = embed_data;
    end else if (is_collect) write = output_valid;
  end

  // ---- end of a step: the cycle of its last result
  logic [15:0] segments_left;
  always_ff @(posedge clk) begin
    if (step_start) begin
      segments_left <= op == ATTEND ? 16'(HEADS * SEGMENTS) : values * 16'(SEGMENTS);
    end else if (segment_write) segments_left <= segments_left - 16'd1;
  end
  logic embed_ended;
  always_ff @(posedge clk) begin
    if (step_start) embed_ended <= 1'b0;
    else if (embed_valid && embed_left == 16'd1) embed_ended <= 1'b1;
  end
  always_comb begin
    case (op)
      EMBED: step_end = embed_ended && !angle_busy && !step_start;
      NORM, QUANTIZE, SWIGLU: step_end = act_commit;
      ADAPT_DOWN: step_end = adapter_down_done;
      PASS: step_end = pass_ended;
      COLLECT, COLLECT_ADD: step_end = output_valid && output_index + 16'd1 == words;
      HEAD_NORM, ROTATE, ATTEND: step_end = segment_write && segments_left == 16'd1;
      QUANTIZE_HEADS: step_end = head_write && head_index + 16'd1 == values;
      COLLECT_LOGITS: step_end = logit_ended;
      default: step_end = !step_start;
    endcase
  end
  /* verilator lint_off UNUSEDSIGNAL */
  logic unused_busy;
  assign unused_busy = &{1'b0, norm_busy, rotate_busy, adapter_busy};
  /* verilator lint_on UNUSEDSIGNAL */
endmodule

`default_nettype wire
