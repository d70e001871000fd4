// burin_bank against contract 4.1 and 4.2 for every activation, code, codebook, scale, shift and width of one group: the
// sums that the collect port shows are RoundShift(sum of level * x, times mantissa). The schedule is that of
// burin_row_driver; a counter walks it once, so a bounded proof of its length is a complete one.
`default_nettype none
module bank_specification (
  input wire clk
);
  localparam int COLUMNS = 4, LEVELS = 8, LANES = 2, SCALERS = 2, STEPS = COLUMNS / SCALERS, ROWS = 1;

  // Free values: the solver chooses them.
  (* anyconst *) reg [LEVELS*7-1:0] codebook;
  (* anyconst *) reg six_bit;
  (* anyconst *) reg [4:0] walk_shift;
  (* anyconst *) reg [STEPS*SCALERS*8-1:0] scales;  // word of step s in bits 16 s
  (* anyseq *) reg signed [7:0] x;
  (* anyseq *) reg [COLUMNS*3-1:0] code_word;

  reg [4:0] t = 5'd0;
  always @(posedge clk) t <= t == 5'd31 ? t : t + 5'd1;
  wire reset = t == 5'd0;
  wire x_valid = t >= 5'd1 && t < 5'd1 + ROWS;
  wire drain_load = t == 5'd2 + ROWS;              // row r in cycle 1 + r, drain_load in 3 + r
  wire walk_valid = t >= 5'd3 + ROWS && t < 5'd3 + ROWS + STEPS;
  wire walk = t == 5'd4 + ROWS;
  wire collect = t == 5'd5 + ROWS + STEPS || t == 5'd6 + ROWS + STEPS;
  wire collect_word = t == 5'd6 + ROWS + STEPS;
  wire [LANES*32-1:0] sums;

  burin_bank #(.COLUMNS(COLUMNS), .LEVELS(LEVELS), .LANES(LANES), .SCALERS(SCALERS)) bank (
    .clk(clk), .reset(reset), .x_valid(x_valid), .x(x), .x_first(t == 5'd1), .drain_load(drain_load),
    .walk_valid(walk_valid), .walk(walk), .walk_first(1'b1), .walk_shift(walk_shift), .codebook(codebook),
    .six_bit(six_bit), .code_word(code_word), .scale_word(walk ? scales[31:16] : scales[15:0]), .collect(collect),
    .collect_word(collect_word), .sums(sums));

  // The specification: a product a cell, no selection of products.
  reg signed [7:0] last_x;
  reg last_valid = 1'b0;
  reg signed [20:0] group [0:COLUMNS-1];
  integer c;
  reg [LEVELS*7-1:0] shifted;
  always @(posedge clk) begin
    last_valid <= x_valid;
    last_x <= x;
    if (t == 5'd0) for (c = 0; c < COLUMNS; c = c + 1) group[c] <= 21'sd0;
    else if (last_valid) begin
      for (c = 0; c < COLUMNS; c = c + 1) begin
        shifted = codebook >> (7 * code_word[c*3 +: 3]);
        group[c] <= group[c] + 21'(14'(last_x) * 14'($signed(shifted[6:0])));
      end
    end
  end

  // Column n of the matrix: at 6 bits the pair 2n, 2n + 1.
  function automatic signed [31:0] term(input signed [20:0] sum, input [7:0] scale, input [4:0] distance);
    reg signed [25:0] product;
    reg [6:0] places;
    begin
      places = 7'd15 - {3'd0, scale[7:4]} + {2'd0, distance};
      if (places > 7'd31) places = 7'd31;
      product = 26'(sum) * $signed({22'd1, scale[3:0]});
      term = 32'((33'(product) + $signed(33'((33'd1 << places) >> 1))) >>> places);
    end
  endfunction

  wire signed [20:0] wide0 = (group[0] <<< 3) + group[1];
  wire signed [20:0] wide1 = (group[2] <<< 3) + group[3];
  // Logical column n: step n / NS of the walk and scaler n % NS; at 6 bits step n / (NS / 2), the upper half in odd steps.
  always @(posedge clk) begin
    if (t == 5'd6 + ROWS + STEPS) begin
      if (six_bit) begin
        assert (sums[31:0] == term(wide0, scales[7:0], walk_shift));
        assert (sums[63:32] == term(wide1, scales[31:24], walk_shift));
      end else begin
        assert (sums[31:0] == term(group[0], scales[7:0], walk_shift));
        assert (sums[63:32] == term(group[1], scales[15:8], walk_shift));
      end
    end
    if (t == 5'd7 + ROWS + STEPS && !six_bit) begin
      assert (sums[31:0] == term(group[2], scales[23:16], walk_shift));
      assert (sums[63:32] == term(group[3], scales[31:24], walk_shift));
    end
    if (t > 5'd7 + ROWS + STEPS) assert (sums == 64'd0);
  end
endmodule
`default_nettype wire
