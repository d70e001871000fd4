// One row block of the embedding: column `embed_column` read along its word lines (contract 4.4), a value a cycle into a
// shift register of W; a full register leaves as a word. All row blocks run in step and leave one behind the other.
//
//   embed_start in cycle 0, row r addressed in 1 + r, its value in the register in 5 + r; word w (rows w W ..) leaves in
//   cycle 6 + w W + W - 1 + row_block. At most W row blocks.
`default_nettype none
`include "burin_fixed.svh"

module burin_embed_reader #(
    parameter int ROWS = 128,
    parameter int GROUP = 32,
    parameter int COLUMNS = 64,
    parameter int LEVELS = 16,
    parameter int LANES = 16,
    parameter int SCALERS = 4,
    parameter int CODE_BITS = $clog2(LEVELS),
    parameter int STEPS = COLUMNS / SCALERS,
    parameter int ROW_BITS = $clog2(ROWS),
    parameter int SCALE_BITS = $clog2(ROWS / GROUP * STEPS)
) (
    input wire logic clk,
    input wire logic reset,
    // tied off
    input wire logic [7:0] row_block,
    input wire logic [15:0] base_word,
    input wire logic [15:0] rows_used,
    input wire logic [LEVELS*7-1:0] codebook,
    input wire logic six_bit,
    // run
    input wire logic embed_start,
    input wire logic [15:0] embed_column,  // stable until the last word
    input wire logic [15:0] embed_rows,
    input wire logic signed [7:0] embed_exponent,
    output logic row_valid,
    output logic [ROW_BITS-1:0] row,
    output logic [SCALE_BITS-1:0] scale_address,
    input wire logic [COLUMNS*CODE_BITS-1:0] code_word,
    input wire logic [SCALERS*8-1:0] scale_word,
    output logic word_valid,
    output logic [15:0] word_index,
    output logic [LANES*32-1:0] word
);
  localparam int HALF = SCALERS / 2;
  localparam int COLUMN_BITS = $clog2(COLUMNS);
  localparam int SCALER_BITS = $clog2(SCALERS);
  `BURIN_SCALE(scale, 13)

  // Place of the column: physical column of its code (of hi at 6 bits), step and scaler of its scale.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [15:0] step, scaler, physical;  // small: the high bits are zero
  /* verilator lint_on UNUSEDSIGNAL */
  assign physical = six_bit ? embed_column << 1 : embed_column;
  assign step = six_bit ? embed_column / 16'(HALF) : embed_column / 16'(SCALERS);
  assign scaler = six_bit ? embed_column % 16'(HALF) + (step[0] ? 16'(HALF) : 16'd0) : embed_column % 16'(SCALERS);

  logic running;
  logic [15:0] next_row, filled;
  logic [4:1] valid;
  logic row_used, used1;
  logic signed [6:0] high, low;
  logic signed [9:0] level;
  logic signed [9:0] level3;
  logic [7:0] scale_byte, scale3;
  logic signed [31:0] value4;
  logic signed [12:0] product;
  logic [LANES*32-1:0] shifted, held;
  logic held_valid;
  logic [7:0] delay;
  logic [15:0] held_index;

  assign scale_byte = scale_word[SCALER_BITS'(scaler)*8+:8];
  assign high = $signed(codebook[32'(code_word[COLUMN_BITS'(physical)*CODE_BITS+:CODE_BITS])*7+:7]);
  assign low = $signed(codebook[32'(code_word[COLUMN_BITS'(physical+16'd1)*CODE_BITS+:CODE_BITS])*7+:7]);
  assign level = six_bit ? (10'(high) <<< 3) + 10'(low) : 10'(high);
  assign product = 13'(level3) * $signed({8'd0, 1'b1, scale3[3:0]});

  always_ff @(posedge clk) begin
    if (reset) begin
      running <= 1'b0;
      row_valid <= 1'b0;
      valid <= 4'd0;
      held_valid <= 1'b0;
      word_valid <= 1'b0;
      word <= '0;
      word_index <= 16'd0;
    end else if (embed_start) begin
      running <= 1'b1;
      next_row <= 16'd1;
      filled <= 16'd0;
      row_valid <= 1'b1;
      row <= '0;
      scale_address <= SCALE_BITS'(step);
      row_used <= rows_used != 16'd0;
      valid <= 4'd0;
      held_valid <= 1'b0;
    end else if (running | row_valid | (|valid) | held_valid | word_valid) begin
      // Word lines.
      if (next_row == embed_rows) running <= 1'b0;
      row_valid <= running & (next_row != embed_rows);
      row <= ROW_BITS'(next_row);
      scale_address <= SCALE_BITS'(next_row / 16'(GROUP)) * SCALE_BITS'(STEPS) + SCALE_BITS'(step);
      next_row <= next_row + 16'd1;
      // Address | level and scale | product, scaled | shift register.
      valid <= {valid[3:1], row_valid};
      used1 <= row_used;
      row_used <= next_row < rows_used;
      if (valid[1]) begin
        level3 <= used1 ? level : 10'sd0;
        scale3 <= scale_byte;
      end
      if (valid[2]) value4 <= scale(product, $signed({8'd0, scale3[7:4]}) + 12'(embed_exponent));
      if (valid[3]) begin
        shifted <= {value4, shifted[LANES*32-1:32]};
        filled <= filled + 16'd1;
      end
      // A full register waits for its turn.
      word_valid <= 1'b0;
      word <= '0;
      word_index <= 16'd0;
      if (held_valid) begin
        delay <= delay - 8'd1;
        if (delay == 8'd0) begin
          held_valid <= 1'b0;
          word_valid <= held_index * 16'(LANES) < rows_used;
          if (held_index * 16'(LANES) < rows_used) begin
            word <= held;
            word_index <= base_word + held_index;
          end
        end
      end
      if (valid[4] && filled % 16'(LANES) == 16'd0 && filled != 16'd0) begin
        held <= shifted;
        held_valid <= 1'b1;
        held_index <= filled / 16'(LANES) - 16'd1;
        delay <= row_block;
      end
    end
  end
endmodule

`default_nettype wire
