// The layer engine with the constants of its test (engine_bench.h). Shape 2 has two words in a head and several heads and
// positions at once, shape 3 more heads at once than a KV head has.
`default_nettype none
`ifdef ENGINE_SHAPE_3
`define BENCH_SHAPE .LANES(16), .GROUP(32), .HIDDEN(112), .HEADS(6), .KV_HEADS(2), .HEAD_DIM(8), .HEAD_LANES(4), \
    .ADAPTER_RANKS(16), .ADAPTER_POSITIONS(1), .ADAPTER_TURNS(1), .ADAPTER_INPUT_WORDS(16)
`define BENCH_LANES 16
`define BENCH_HEADS_AT_ONCE 6
`define BENCH_POSITIONS_AT_ONCE 3
`define BENCH_ADAPTER 128
`elsif ENGINE_SHAPE_2
`define BENCH_SHAPE .LANES(8), .GROUP(64), .HIDDEN(120), .HEADS(4), .KV_HEADS(4), .HEAD_DIM(16), .HEAD_LANES(2), \
    .ADAPTER_RANKS(4), .ADAPTER_POSITIONS(2), .ADAPTER_TURNS(2), .ADAPTER_INPUT_WORDS(32)
`define BENCH_LANES 8
`define BENCH_HEADS_AT_ONCE 2
`define BENCH_POSITIONS_AT_ONCE 4
`define BENCH_ADAPTER 64
`else
`define BENCH_SHAPE .LANES(16), .GROUP(32), .HIDDEN(112), .HEADS(6), .KV_HEADS(2), .HEAD_DIM(8), .HEAD_LANES(1), \
    .ADAPTER_RANKS(16), .ADAPTER_POSITIONS(1), .ADAPTER_TURNS(1), .ADAPTER_INPUT_WORDS(16)
`define BENCH_LANES 16
`define BENCH_HEADS_AT_ONCE 1
`define BENCH_POSITIONS_AT_ONCE 1
`define BENCH_ADAPTER 128
`endif

module engine_bench #(
    parameter logic [16:0] HIDDEN_ROOT = 17'd0,
    parameter logic signed [7:0] HIDDEN_ROOT_EXPONENT = 8'sd0,
    parameter logic [62:0] HIDDEN_EPSILON = 63'd0,
    parameter logic [16:0] HEAD_ROOT = 17'd0,
    parameter logic signed [7:0] HEAD_ROOT_EXPONENT = 8'sd0,
    parameter logic [62:0] HEAD_EPSILON = 63'd0
) (
    input wire logic clk, input wire logic reset, input wire logic start, input wire logic [31:0] token,
    input wire logic [31:0] position, input wire logic sampling, input wire logic adapter, output logic busy,
    output logic done, output logic [8*32-1:0] top_ids, output logic [8*32-1:0] top_logits, output logic step_busy,
    output logic [3:0] step_op, output logic program_enable,
    output logic [15:0] program_address, input wire logic [159:0] program_word, output logic constant_enable,
    output logic [15:0] constant_address, input wire logic [`BENCH_LANES*32-1:0] constant_word,
    output logic rotary_enable, output logic [31:0] rotary_coarse, output logic [31:0] rotary_fine,
    input wire logic [31:0] coarse_word, input wire logic [31:0] fine_word, output logic act_valid,
    output logic [9:0] act_select, output logic [15:0] act_word, output logic [`BENCH_LANES*8-1:0] act_data,
    output logic act_exp_valid, output logic [12:0] act_group, output logic signed [7:0] act_exp,
    output logic act_commit, output logic signed [7:0] act_common, output logic [4:0] act_drop,
    output logic pass_start, output logic [9:0] pass_select, output logic [15:0] pass_rows, output logic collect,
    output logic [11:0] collect_matrix, output logic [15:0] collect_block, output logic [15:0] collect_word,
    input wire logic raw_valid, input wire logic [`BENCH_LANES*32-1:0] raw, output logic embed_start,
    output logic [15:0] embed_block, output logic [15:0] embed_column, output logic [15:0] embed_rows,
    output logic signed [7:0] embed_exponent, input wire logic embed_valid, input wire logic [15:0] embed_index,
    input wire logic [`BENCH_LANES*32-1:0] embed_data, input wire logic adapter_write,
    input wire logic [31:0] adapter_write_address, input wire logic [`BENCH_ADAPTER-1:0] adapter_write_data,
    input wire logic adapter_table_write, input wire logic [15:0] adapter_table_address,
    input wire logic [127:0] adapter_table_data, output logic trace_write, output logic [15:0] trace_address,
    output logic [`BENCH_LANES-1:0] trace_mask, output logic [`BENCH_LANES*32-1:0] trace_data
);
  burin_engine #(
      `BENCH_SHAPE, .HEADS_AT_ONCE(`BENCH_HEADS_AT_ONCE), .POSITIONS_AT_ONCE(`BENCH_POSITIONS_AT_ONCE), .CONTEXT(80), .LAYERS(2), .VECTOR_WORDS(256), .TOP_K(8), .EMBED_COLUMNS(48), .PASS_TAIL(20),
      .ADAPTER_WORDS(4096), .ADAPTER_ENTRIES(14), .RESIDUAL_FRACTION(20), .HIDDEN_ROOT(HIDDEN_ROOT),
      .HIDDEN_ROOT_EXPONENT(HIDDEN_ROOT_EXPONENT), .HIDDEN_EPSILON(HIDDEN_EPSILON), .HEAD_ROOT(HEAD_ROOT),
      .HEAD_ROOT_EXPONENT(HEAD_ROOT_EXPONENT), .HEAD_EPSILON(HEAD_EPSILON)
  ) engine (.*);
endmodule

`default_nettype wire
