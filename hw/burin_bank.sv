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
`default_nettype none

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
    output logic [LANES*32-1:0] sums
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
  logic signed [20:0] group_sum[0:SCALERS-1];
  logic signed [25:0] scaled[0:SCALERS-1];
  logic [5:0] shift;
  logic [4:0] term_shift[0:SCALERS-1];
  logic signed [31:0] old[0:SCALERS-1];
  logic signed [31:0] column_sum[0:COLUMNS-1];
  logic collected;

  always_ff @(posedge clk) begin
    if (reset) begin
      product_valid = 1'b0;
      term_valid = 1'b0;
      collected <= 1'b0;
      sums <= '0;
    end else if (x_valid | product_valid | drain_load | walk_valid | term_valid | collect | collected) begin
      // Collect port.
      collected <= collect;
      if (!collect) sums <= '0;
      for (int w = 0; w < WORDS; w++) begin
        if (collect && collect_word == WORD_BITS'(w)) begin
          for (int l = 0; l < LANES; l++) sums[l*32+:32] <= column_sum[w*LANES+l];
        end
      end

      // Register 5: the group's term joins the column's sum. 6 bits: even steps fill the lower half of a row.
      if (term_valid) begin
        for (int r = 0; r < STEPS; r++) begin
          if (term_row == WALK_BITS'(r)) begin
            for (int j = 0; j < SCALERS; j++) begin
              if (!six_bit || term_odd == (j >= HALF)) begin
                old[j] = term_first ? 32'sd0 : column_sum[r*SCALERS+j];
                column_sum[r*SCALERS+j] =
                    old[j] + ((32'(scaled[j]) + $signed((32'd1 << term_shift[j]) >> 1)) >>> term_shift[j]);
              end
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
        for (int r = 0; r < STEPS; r++) begin
          if (walk == WALK_BITS'(r)) begin
            for (int j = 0; j < SCALERS; j++) begin
              if (six_bit) begin
                group_sum[j] = 21'(drain[r*SCALERS+2*(j%HALF)] <<< 3) + drain[r*SCALERS+2*(j%HALF)+1];
              end else group_sum[j] = drain[r*SCALERS+j];
            end
          end
        end
        for (int j = 0; j < SCALERS; j++) begin
          scaled[j] = 26'(group_sum[j]) * $signed({22'b1, scale_word[j*8+:4]});
          shift = 6'd15 - {2'b0, scale_word[j*8+4+:4]} + {1'b0, walk_shift};
          term_shift[j] = shift[5] ? 5'd31 : shift[4:0];
        end
      end

      // Register 3.
      if (drain_load) begin
        for (int c = 0; c < COLUMNS; c++) drain[c] = accumulator[c];
      end

      // Register 2: each column takes the product that its cell names.
      if (product_valid) begin
        for (int c = 0; c < COLUMNS; c++) begin
          accumulator[c] = (product_first ? 21'sd0 : accumulator[c]) + 21'(product[code_word[c*CODE_BITS+:CODE_BITS]]);
        end
      end

      // Register 1: the products, once for all columns.
      product_valid = x_valid;
      if (x_valid) begin
        product_first = x_first;
        for (int l = 0; l < LEVELS; l++) product[l] = 14'(x) * 14'($signed(codebook[l*7+:7]));
      end
    end
  end
  /* verilator lint_on BLKSEQ */
endmodule

`default_nettype wire
