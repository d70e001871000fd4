// One matrix on the fabric for hw_test: drivers, banks, tree and embedding readers, wired as the emitter wires them; ROM
// words come through a port, so one model serves every matrix.
`default_nettype none

module fabric_bench #(
    parameter int ROWS = 64,
    parameter int GROUP = 32,
    parameter int COLUMNS = 32,
    parameter int LEVELS = 16,
    parameter int LANES = 8,
    parameter int SCALERS = 2,
    parameter int ROW_BLOCKS = 3,
    parameter int COLUMN_BLOCKS = 2,
    parameter int CODE_BITS = $clog2(LEVELS),
    parameter int STEPS = COLUMNS / SCALERS
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic rom_write,
    input wire logic [15:0] rom_bank,  // column block * ROW_BLOCKS + row block
    input wire logic [15:0] rom_address,
    input wire logic [COLUMNS*CODE_BITS-1:0] rom_word,
    input wire logic scale_write,
    input wire logic [SCALERS*8-1:0] scale_word,
    input wire logic [LEVELS*7-1:0] codebook,
    input wire logic six_bit,
    input wire logic [15:0] rows_total,  // K, up to whole groups
    input wire logic [15:0] rows_real,   // K
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
    input wire logic pass_start,
    input wire logic [15:0] pass_rows,
    input wire logic collect,
    input wire logic [15:0] collect_block,
    input wire logic [15:0] collect_word,
    output logic raw_valid,
    output logic [LANES*32-1:0] raw,
    input wire logic embed_start,
    input wire logic [15:0] embed_block,
    input wire logic [15:0] embed_column,
    input wire logic [15:0] embed_rows,
    input wire logic signed [7:0] embed_exponent,
    output logic embed_valid,
    output logic [15:0] embed_index,
    output logic [LANES*32-1:0] embed_data
);
  localparam int ROW_BITS = $clog2(ROWS);
  localparam int SCALE_BITS = $clog2(ROWS / GROUP * STEPS);
  localparam int WORD = LANES * 32;
  logic [ROW_BLOCKS*WORD-1:0] sums, words;
  logic [ROW_BLOCKS*16-1:0] indices;
  logic [ROW_BLOCKS-1:0] words_valid;
  logic collected;
  always_ff @(posedge clk) collected <= collect;

  for (genvar rb = 0; rb < ROW_BLOCKS; rb++) begin : row_block
    logic row_valid, x_first, drain_load, scale_enable, walk_valid, walk_first;
    logic [ROW_BITS-1:0] row;
    logic signed [7:0] x;
    logic [SCALE_BITS-1:0] scale_address;
    logic [$clog2(STEPS)-1:0] walk;
    logic [4:0] walk_shift;
    logic [15:0] used, real_used;
    localparam logic [15:0] FIRST = 16'(rb * ROWS);
    assign used = rows_total <= FIRST ? 16'd0 : rows_total - FIRST > 16'(ROWS) ? 16'(ROWS) : rows_total - FIRST;
    assign real_used = rows_real <= FIRST ? 16'd0 : rows_real - FIRST > 16'(ROWS) ? 16'(ROWS) : rows_real - FIRST;
    burin_row_driver #(.ROWS(ROWS), .GROUP(GROUP), .LANES(LANES), .COLUMNS_PER_SCALER(STEPS)) driver (
        .clk, .reset, .select_id(10'd5), .base_word(16'(rb * ROWS / LANES)), .base_group(13'(rb * ROWS / GROUP)),
        .rows_used(used), .act_valid, .act_select, .act_word, .act_data, .act_exp_valid, .act_group, .act_exp,
        .act_commit, .act_common, .act_drop, .pass_start, .pass_select(10'd5), .pass_rows, .row_valid, .row, .x,
        .x_first, .drain_load, .scale_enable, .scale_address, .walk_valid, .walk, .walk_first, .walk_shift);

    logic embed_row_valid;
    logic [ROW_BITS-1:0] embed_row;
    logic [SCALE_BITS-1:0] embed_scale_address;
    logic [COLUMN_BLOCKS*COLUMNS*CODE_BITS-1:0] code_words;
    logic [COLUMN_BLOCKS*SCALERS*8-1:0] scale_words;
    burin_embed_reader #(
        .ROWS(ROWS), .GROUP(GROUP), .COLUMNS(COLUMNS), .LEVELS(LEVELS), .LANES(LANES), .SCALERS(SCALERS)
    ) reader (
        .clk, .reset, .row_block(8'(rb)), .base_word(16'(rb * ROWS / LANES)), .rows_used(real_used), .codebook, .six_bit,
        .embed_start, .embed_column, .embed_rows, .embed_exponent, .row_valid(embed_row_valid), .row(embed_row),
        .scale_address(embed_scale_address), .code_word(code_words[embed_block*COLUMNS*CODE_BITS+:COLUMNS*CODE_BITS]),
        .scale_word(scale_words[embed_block*SCALERS*8+:SCALERS*8]), .word_valid(words_valid[rb]),
        .word_index(indices[rb*16+:16]), .word(words[rb*WORD+:WORD]));

    logic [COLUMN_BLOCKS*WORD-1:0] bank_sums;
    for (genvar cb = 0; cb < COLUMN_BLOCKS; cb++) begin : column_block
      logic [COLUMNS*CODE_BITS-1:0] codes[0:ROWS-1];
      logic [SCALERS*8-1:0] scales[0:ROWS/GROUP*STEPS-1];
      logic [COLUMNS*CODE_BITS-1:0] code;
      logic [SCALERS*8-1:0] scale;
      assign code_words[cb*COLUMNS*CODE_BITS+:COLUMNS*CODE_BITS] = code;
      assign scale_words[cb*SCALERS*8+:SCALERS*8] = scale;
      always_ff @(posedge clk) begin
        if (rom_write && rom_bank == 16'(cb * ROW_BLOCKS + rb)) codes[rom_address[ROW_BITS-1:0]] <= rom_word;
        if (scale_write && rom_bank == 16'(cb * ROW_BLOCKS + rb)) scales[rom_address[SCALE_BITS-1:0]] <= scale_word;
        if (row_valid || embed_row_valid) code <= codes[row_valid ? row : embed_row];
        if (scale_enable || embed_row_valid) scale <= scales[scale_enable ? scale_address : embed_scale_address];
      end
      burin_bank #(.COLUMNS(COLUMNS), .LEVELS(LEVELS), .LANES(LANES), .SCALERS(SCALERS)) bank (
          .clk, .reset, .x_valid(row_valid), .x, .x_first, .drain_load, .walk_valid, .walk, .walk_first, .walk_shift,
          .codebook, .six_bit, .code_word(code), .scale_word(scale), .collect(collect && collect_block == cb),
          .collect_word(collect_word[$clog2(COLUMNS/LANES)-1:0]), .sums(bank_sums[cb*WORD+:WORD]));
    end
    // Of its own, so that no process reads what another one writes.
    logic [WORD-1:0] block_sums;
    always_comb begin
      block_sums = '0;
      // Row blocks that this matrix does not have keep the sums of the one before.
      if (used != 16'd0) begin
        for (int cb = 0; cb < COLUMN_BLOCKS; cb++) block_sums = block_sums | bank_sums[cb*WORD+:WORD];
      end
    end
    assign sums[rb*WORD+:WORD] = block_sums;
  end

  burin_adder_tree #(.LANES(LANES), .LEAVES(ROW_BLOCKS)) tree (
      .clk, .reset, .in_valid(collected), .in_sums(sums), .out_valid(raw_valid), .out_sums(raw));
  always_comb begin
    embed_valid = |words_valid;
    embed_index = '0;
    embed_data = '0;
    for (int rb = 0; rb < ROW_BLOCKS; rb++) begin
      embed_index = embed_index | indices[rb*16+:16];
      embed_data = embed_data | words[rb*WORD+:WORD];
    end
  end
endmodule

`default_nettype wire
