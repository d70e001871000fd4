// Row-block driver: the activations of R word lines, and the sequence of a pass for the banks of the row block.
//
//   cycle 0            pass_start
//   cycle 1 + r        row_valid, row r, its activation x
//   cycle 3 + r        drain_load, if r ends a group; scale_enable and scale_address, walk 0
//   cycle 4 + r + k    walk_valid, walk k: the scalers' k-th step
//
// Group exponents: the driver keeps e_g and forms the shift min(31, E - e_g + D) (contract 4.2) once a group.
`default_nettype none

module burin_row_driver #(
    parameter int ROWS = 128,
    parameter int GROUP = 32,
    parameter int LANES = 16,
    parameter int COLUMNS_PER_SCALER = 16,
    parameter int ROW_BITS = $clog2(ROWS),
    parameter int GROUPS = ROWS / GROUP,
    parameter int SCALE_BITS = $clog2(GROUPS * COLUMNS_PER_SCALER),
    parameter int WALK_BITS = COLUMNS_PER_SCALER > 1 ? $clog2(COLUMNS_PER_SCALER) : 1
) (
    input wire logic clk,
    input wire logic reset,
    // place of this row block, tied off
    input wire logic [9:0] select_id,
    input wire logic [15:0] base_word,
    input wire logic [12:0] base_group,
    input wire logic [15:0] rows_used,  // rows of the matrix in this block, up to whole groups
    // activation bus
    input wire logic act_valid,
    input wire logic [9:0] act_select,
    input wire logic [15:0] act_word,
    input wire logic [LANES*8-1:0] act_data,
    input wire logic act_exp_valid,
    input wire logic [12:0] act_group,
    input wire logic signed [7:0] act_exp,
    input wire logic act_commit,
    input wire logic signed [7:0] act_common,
    input wire logic [4:0] act_drop,
    // pass
    input wire logic pass_start,
    input wire logic [9:0] pass_select,
    input wire logic [15:0] pass_rows,
    // to ROMs and banks
    output logic row_valid,
    output logic [ROW_BITS-1:0] row,
    output logic signed [7:0] x,
    output logic x_first,
    output logic drain_load,
    output logic scale_enable,
    output logic [SCALE_BITS-1:0] scale_address,
    output logic walk_valid,
    output logic [WALK_BITS-1:0] walk,
    output logic walk_first,
    output logic [4:0] walk_shift
);
  /* verilator no_inline_module */
  /* verilator lint_off BLKSEQ */
  localparam int WORDS = ROWS / LANES;
  localparam int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int LANE_BITS = LANES > 1 ? $clog2(LANES) : 1;
  localparam int GROUP_BITS = GROUPS > 1 ? $clog2(GROUPS) : 1;

  logic [LANES*8-1:0] activations[0:WORDS-1];
  logic signed [7:0] exponents[0:GROUPS-1];
  logic signed [7:0] common;
  logic [4:0] drop;
  logic running, ends, ended, scale_running;
  logic [15:0] next_row, limit, word_offset;
  logic [12:0] group_offset;
  logic [GROUP_BITS-1:0] group, scale_group;
  logic [WALK_BITS-1:0] scale_walk;
  logic [LANES*8-1:0] word;
  logic signed [10:0] distance;

  always_ff @(posedge clk) begin
    if (reset) begin
      running = 1'b0;
      ends = 1'b0;
      ended = 1'b0;
      scale_running = 1'b0;
      row_valid <= 1'b0;
      drain_load <= 1'b0;
      scale_enable <= 1'b0;
      walk_valid <= 1'b0;
    end else begin
      // Activations and their exponents.
      if (act_valid && act_select == select_id) begin
        word_offset = act_word - base_word;
        if (act_word >= base_word && word_offset < 16'(WORDS)) activations[WORD_BITS'(word_offset)] <= act_data;
      end
      if (act_exp_valid && act_select == select_id) begin
        group_offset = act_group - base_group;
        if (act_group >= base_group && group_offset < 13'(GROUPS)) exponents[GROUP_BITS'(group_offset)] <= act_exp;
      end
      if (act_commit && act_select == select_id) begin
        common <= act_common;
        drop <= act_drop;
      end

      if (running | ends | ended | scale_running | scale_enable | walk_valid | drain_load | pass_start) begin
        // The scalers' walk, a cycle behind the address of their constants.
        walk_valid <= scale_running;
        if (scale_running) begin
          walk <= scale_walk;
          walk_first <= scale_group == '0;
          distance = 11'(common) - 11'(exponents[scale_group]) + {6'b0, drop};
          walk_shift <= distance > 11'sd31 ? 5'd31 : distance[4:0];
          scale_running = scale_walk != WALK_BITS'(COLUMNS_PER_SCALER - 1);
          scale_walk = scale_walk + 1'b1;
        end
        if (ended) begin
          scale_running = 1'b1;
          scale_walk = '0;
          scale_group = group;
        end
        drain_load <= ended;
        scale_enable <= scale_running;
        scale_address <= SCALE_BITS'(scale_group) * SCALE_BITS'(COLUMNS_PER_SCALER) + SCALE_BITS'(scale_walk);
        ended = ends;
        if (ends) group = GROUP_BITS'((next_row - 16'd1) / 16'(GROUP));

        // Word lines.
        if (pass_start && pass_select == select_id) begin
          running = 1'b1;
          next_row = 16'd0;
          limit = pass_rows < rows_used ? pass_rows : rows_used;
        end
        if (running && next_row == limit) running = 1'b0;
        row_valid <= running;
        ends = 1'b0;
        if (running) begin
          row <= ROW_BITS'(next_row);
          word = activations[WORD_BITS'(next_row / 16'(LANES))];
          x <= word[(LANE_BITS'(next_row % 16'(LANES)))*8+:8];
          x_first <= next_row % 16'(GROUP) == 16'd0;
          ends = next_row % 16'(GROUP) == 16'(GROUP - 1);
          next_row = next_row + 16'd1;
        end
      end
    end
  end
  /* verilator lint_on BLKSEQ */
endmodule

`default_nettype wire
