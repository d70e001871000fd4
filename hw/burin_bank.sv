// A ROM bank: multiplier bank, C selectors with accumulators and drain registers, NS scale multipliers with the
// column sums, collect port (contract 4.1 and 4.2). The word lines are in a ROM module outside.
//
//   x, level -> product     14 bits  |127 * 63|         register 1
//   product -> accumulator  21 bits  contract 4.1       register 2
//   accumulator -> drain    21 bits  on drain_load      register 3
//   8 * hi + lo, times scale mantissa: 26 bits          register 4
//   shift, round, column sum: 32 bits                   register 5
//
// Throughput: a word line a cycle; NS columns a cycle through the scalers, so C / NS <= G cycles drain a group behind
// the next one's rows. Latency: word line in cycle t, its accumulator in t + 2.
//
// All state is in one process, and its stages stand from the last to the first, so that each reads what the one before
// it left in the cycle before. A process an idle bank does not enter costs a simulator one test; with a process a
// register, a chip of 160 banks took 50 times the code and time (Verilator 5.006).
//
// Broadcasts are trees (burin_broadcast) under SYNTHESIS, which synthesizers define: a product goes to each block of 16 columns,
// controls to each column, scaler, lane and multiplier; `BURIN_COPY(net, copy) reads the copy there. A simulator, which would
// spend time on copies, reads the net. hw/formal proves the bank with its trees; hw/test/icarus.sh replays it. `reset` clears
// only what says that something is on its way.
`default_nettype none
`include "burin_broadcast.svh"

module burin_bank #(
    parameter int COLUMNS = 64,  // C, physical
    parameter int LEVELS = 16,   // L: 8 or 16
    parameter int LANES = 16,    // W
    parameter int SCALERS = 4,   // NS, even
    parameter int CODE_BITS = $clog2(LEVELS),
    parameter int STEPS = COLUMNS / SCALERS,
    parameter int WORDS = COLUMNS / LANES,
    parameter int WALK_BITS = STEPS > 1 ? $clog2(STEPS) : 1,
    parameter int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1
) (
    input wire logic clk,
    input wire logic reset,
    // row driver
    input wire logic x_valid,
    input wire logic signed [7:0] x,
    input wire logic x_first,
    input wire logic drain_load,
    input wire logic walk_valid,
    input wire logic [WALK_BITS-1:0] walk,
    input wire logic walk_first,
    input wire logic [4:0] walk_shift,
    // constants of the page
    input wire logic [LEVELS*7-1:0] codebook,
    input wire logic six_bit,
    // ROM words: a cycle behind x_valid; together with walk_valid
    input wire logic [COLUMNS*CODE_BITS-1:0] code_word,
    input wire logic [SCALERS*8-1:0] scale_word,
    // collect port
    input wire logic collect,
    input wire logic [WORD_BITS-1:0] collect_word,
    output logic [LANES*32-1:0] sums  // zero where `collect` was not set
);
  /* verilator no_inline_module */
  /* verilator lint_off BLKSEQ */
  localparam int HALF = SCALERS / 2;

  logic product_valid, product_first;
  logic signed [13:0] product[0:LEVELS-1];
  logic signed [20:0] accumulator[0:COLUMNS-1];
  logic signed [20:0] drain[0:COLUMNS-1];
  logic term_valid, term_first, term_odd;
  logic [WALK_BITS-1:0] term_row;
  logic signed [25:0] scaled[0:SCALERS-1];
  logic [4:0] term_shift[0:SCALERS-1];
  logic signed [31:0] column_sum[0:COLUMNS-1];
  // between two registers
  logic [SCALERS-1:0] fills;
  logic signed [20:0] cell_sum[0:SCALERS-1], group_sum;
  logic signed [31:0] sum[0:SCALERS-1];
  logic [5:0] shift;

`ifdef SYNTHESIS
  localparam int BLOCK = 16;
  localparam int BLOCKS = (COLUMNS + BLOCK - 1) / BLOCK;
  wire [7:0] x_bits = x;
  wire [LEVELS-1:0] x_valid_level;
  wire [LEVELS*8-1:0] x_level;
  burin_broadcast #(.WIDTH(1), .COPIES(LEVELS)) x_valid_tree (.in(x_valid), .out(x_valid_level));
  burin_broadcast #(.WIDTH(8), .COPIES(LEVELS)) x_tree (.in(x_bits), .out(x_level));

  wire [COLUMNS-1:0] product_valid_column, product_first_column, drain_load_column;
  burin_broadcast #(.WIDTH(1), .COPIES(COLUMNS)) product_valid_tree (.in(product_valid), .out(product_valid_column));
  burin_broadcast #(.WIDTH(1), .COPIES(COLUMNS)) product_first_tree (.in(product_first), .out(product_first_column));
  burin_broadcast #(.WIDTH(1), .COPIES(COLUMNS)) drain_load_tree (.in(drain_load), .out(drain_load_column));

  wire [SCALERS-1:0] walk_valid_scaler, six_bit_scaler, term_valid_scaler, term_first_scaler, term_odd_scaler;
  wire [SCALERS*WALK_BITS-1:0] walk_scaler, term_row_scaler;
  burin_broadcast #(.WIDTH(1), .COPIES(SCALERS)) walk_valid_tree (.in(walk_valid), .out(walk_valid_scaler));
  burin_broadcast #(.WIDTH(WALK_BITS), .COPIES(SCALERS)) walk_tree (.in(walk), .out(walk_scaler));
  burin_broadcast #(.WIDTH(1), .COPIES(SCALERS)) six_bit_tree (.in(six_bit), .out(six_bit_scaler));
  burin_broadcast #(.WIDTH(1), .COPIES(SCALERS)) term_valid_tree (.in(term_valid), .out(term_valid_scaler));
  burin_broadcast #(.WIDTH(1), .COPIES(SCALERS)) term_first_tree (.in(term_first), .out(term_first_scaler));
  burin_broadcast #(.WIDTH(1), .COPIES(SCALERS)) term_odd_tree (.in(term_odd), .out(term_odd_scaler));
  burin_broadcast #(.WIDTH(WALK_BITS), .COPIES(SCALERS)) term_row_tree (.in(term_row), .out(term_row_scaler));

  wire [LANES-1:0] collect_lane;
  wire [LANES*WORD_BITS-1:0] collect_word_lane;
  burin_broadcast #(.WIDTH(1), .COPIES(LANES)) collect_tree (.in(collect), .out(collect_lane));
  burin_broadcast #(.WIDTH(WORD_BITS), .COPIES(LANES)) collect_word_tree (.in(collect_word), .out(collect_word_lane));

  wire [LEVELS*BLOCKS*14-1:0] product_block;
  for (genvar l = 0; l < LEVELS; l++) begin : level
    wire [13:0] product_bits = product[l];
    burin_broadcast #(.WIDTH(14), .COPIES(BLOCKS)) product_tree (.in(product_bits), .out(product_block[l*BLOCKS*14+:BLOCKS*14]));
  end
  // In a column, the code opens one of the LEVELS lines.
  logic [COLUMNS*14-1:0] selected;
  always_comb begin
    selected = '0;
    for (int c = 0; c < COLUMNS; c++) begin
      for (int l = 0; l < LEVELS; l++) begin
        if (code_word[c*CODE_BITS+:CODE_BITS] == CODE_BITS'(l)) begin
          selected[c*14+:14] = selected[c*14+:14] | product_block[(l*BLOCKS+c/BLOCK)*14+:14];
        end
      end
    end
  end
`else
  logic collected;  // sums have to be cleared
`endif

  always_ff @(posedge clk) begin
`ifndef SYNTHESIS
    if (reset | x_valid | product_valid | drain_load | walk_valid | term_valid | collect | collected)  // else nothing changes
`endif
    begin
      // Each stage of a simulator runs as a whole or not: `BURIN_COPY(valid, 1'b1); in synthesis each reader has its copy.

      // Collect port.
`ifndef SYNTHESIS
      collected <= collect;
`endif
      if (`BURIN_COPY(reset | collect | collected, 1'b1)) begin
        for (int l = 0; l < LANES; l++) begin
          if (!`BURIN_COPY(collect, collect_lane[l])) sums[l*32+:32] <= 32'd0;
          for (int w = 0; w < WORDS; w++) begin
            if (`BURIN_COPY(collect, collect_lane[l]) &&
                `BURIN_COPY(collect_word, collect_word_lane[l*WORD_BITS+:WORD_BITS]) == WORD_BITS'(w)) begin
              sums[l*32+:32] <= column_sum[w*LANES+l];
            end
          end
        end
      end

      // Register 5: the group's term joins the column's sum. 6 bits: even steps fill the lower half of a row.
      if (`BURIN_COPY(term_valid, 1'b1)) begin
        for (int j = 0; j < SCALERS; j++) begin
          sum[j] = 32'sd0;
          for (int r = 0; r < STEPS; r++) begin
            if (`BURIN_COPY(term_row, term_row_scaler[j*WALK_BITS+:WALK_BITS]) == WALK_BITS'(r)) sum[j] = column_sum[r*SCALERS+j];
          end
          if (`BURIN_COPY(term_first, term_first_scaler[j])) sum[j] = 32'sd0;
          sum[j] = sum[j] + ((32'(scaled[j]) + $signed((32'd1 << term_shift[j]) >> 1)) >>> term_shift[j]);
          fills[j] = `BURIN_COPY(1'b1, term_valid_scaler[j]) &&
              (!`BURIN_COPY(six_bit, six_bit_scaler[j]) || `BURIN_COPY(term_odd, term_odd_scaler[j]) == (j >= HALF));
        end
        for (int r = 0; r < STEPS; r++) begin
          for (int j = 0; j < SCALERS; j++) begin
            if (fills[j] && `BURIN_COPY(term_row, term_row_scaler[j*WALK_BITS+:WALK_BITS]) == WALK_BITS'(r)) begin
              column_sum[r*SCALERS+j] = sum[j];
            end
          end
        end
      end

      // Register 4: scale mantissa; shift = min(31, 15 - scale / 16 + distance + drop).
      term_valid = walk_valid;
      if (walk_valid) begin
        term_first = walk_first;
        term_odd = walk[0];
        term_row = six_bit ? walk >> 1 : walk;
      end
      if (`BURIN_COPY(walk_valid, 1'b1)) begin
        for (int j = 0; j < SCALERS; j++) begin
          cell_sum[j] = 21'sd0;
          for (int r = 0; r < STEPS; r++) begin
            if (`BURIN_COPY(walk, walk_scaler[j*WALK_BITS+:WALK_BITS]) == WALK_BITS'(r)) cell_sum[j] = drain[r*SCALERS+j];
          end
        end
        for (int j = 0; j < SCALERS; j++) begin
          if (`BURIN_COPY(1'b1, walk_valid_scaler[j])) begin
            group_sum = cell_sum[j];
            if (`BURIN_COPY(six_bit, six_bit_scaler[j])) group_sum = 21'(cell_sum[2*(j%HALF)] <<< 3) + cell_sum[2*(j%HALF)+1];
            scaled[j] = 26'(group_sum) * $signed({22'b1, scale_word[j*8+:4]});
            shift = 6'd15 - {2'b0, scale_word[j*8+4+:4]} + {1'b0, walk_shift};
            term_shift[j] = shift[5] ? 5'd31 : shift[4:0];
          end
        end
      end

      // Register 3.
      if (`BURIN_COPY(drain_load, 1'b1)) begin
        for (int c = 0; c < COLUMNS; c++) begin
          if (`BURIN_COPY(1'b1, drain_load_column[c])) drain[c] = accumulator[c];
        end
      end

      // Register 2: each column takes the product that its cell names.
      if (`BURIN_COPY(product_valid, 1'b1)) begin
        for (int c = 0; c < COLUMNS; c++) begin
          if (`BURIN_COPY(1'b1, product_valid_column[c])) begin
            accumulator[c] = (`BURIN_COPY(product_first, product_first_column[c]) ? 21'sd0 : accumulator[c]) +
                21'($signed(`BURIN_COPY(product[code_word[c*CODE_BITS+:CODE_BITS]], selected[c*14+:14])));
          end
        end
      end

      // Register 1: the products, once for all columns.
      product_valid = x_valid;
      if (x_valid) product_first = x_first;
      if (`BURIN_COPY(x_valid, 1'b1)) begin
        for (int l = 0; l < LEVELS; l++) begin
          if (`BURIN_COPY(1'b1, x_valid_level[l])) begin
            product[l] = 14'($signed(`BURIN_COPY(x, x_level[l*8+:8]))) * 14'($signed(codebook[l*7+:7]));
          end
        end
      end

      if (reset) begin
        product_valid = 1'b0;
        term_valid = 1'b0;
      end
    end
  end
  /* verilator lint_on BLKSEQ */
endmodule

`default_nettype wire
