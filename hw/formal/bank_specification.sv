// What burin_bank does, written from docs/numerics.md 4.1 and 4.2 and hw/README.md rather than from hw/burin_bank.sv: one rule
// a register, no stages that have an order, no shared products. hw/formal/run proves that every register
// of the bank follows its rule from any state, for any input. Ports, parameters and names of registers are the bank's.
`default_nettype none

module burin_bank #(
    parameter int COLUMNS = 64,
    parameter int LEVELS = 16,
    parameter int LANES = 16,
    parameter int SCALERS = 4,
    parameter int CODE_BITS = $clog2(LEVELS),
    parameter int STEPS = COLUMNS / SCALERS,
    parameter int WORDS = COLUMNS / LANES,
    parameter int WALK_BITS = STEPS > 1 ? $clog2(STEPS) : 1,
    parameter int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic x_valid,
    input wire logic signed [7:0] x,
    input wire logic x_first,
    input wire logic drain_load,
    input wire logic walk_valid,
    input wire logic [WALK_BITS-1:0] walk,
    input wire logic walk_first,
    input wire logic [4:0] walk_shift,
    input wire logic [LEVELS*7-1:0] codebook,
    input wire logic six_bit,
    input wire logic [COLUMNS*CODE_BITS-1:0] code_word,
    input wire logic [SCALERS*8-1:0] scale_word,
    input wire logic collect,
    input wire logic [WORD_BITS-1:0] collect_word,
    output logic [LANES*32-1:0] sums
);
  localparam int HALF = SCALERS / 2;
  logic product_valid, product_first, term_valid, term_first, term_odd;
  logic [WALK_BITS-1:0] term_row;
  (* mem2reg *) logic signed [13:0] product[0:LEVELS-1];
  (* mem2reg *) logic signed [20:0] accumulator[0:COLUMNS-1];
  (* mem2reg *) logic signed [20:0] drain[0:COLUMNS-1];
  (* mem2reg *) logic signed [25:0] scaled[0:SCALERS-1];
  (* mem2reg *) logic [4:0] term_shift[0:SCALERS-1];
  (* mem2reg *) logic signed [31:0] column_sum[0:COLUMNS-1];

  // What is valid is what came in the cycle before, unless that was a reset.
  always_ff @(posedge clk) begin
    product_valid <= x_valid & ~reset;
    term_valid <= walk_valid & ~reset;
    if (x_valid) product_first <= x_first;
    if (walk_valid) begin
      term_first <= walk_first;
      term_odd <= walk[0];  // 6 bits: two steps end in one row of NS columns
      term_row <= six_bit ? walk / 2 : walk;
    end
  end

  // level * mantissa.
  for (genvar l = 0; l < LEVELS; l++) begin : level
    wire signed [13:0] value = {{7{codebook[l*7+6]}}, codebook[l*7+:7]};
    wire signed [13:0] mantissa = {{6{x[7]}}, x};
    always_ff @(posedge clk) if (x_valid) product[l] <= mantissa * value;
  end

  // 4.1: sum over a group's rows of level * mantissa, where the code names the level; held for the scalers when the group ends.
  for (genvar c = 0; c < COLUMNS; c++) begin : column
    wire [CODE_BITS-1:0] code = code_word[c*CODE_BITS+:CODE_BITS];
    logic signed [13:0] chosen;
    always_comb begin
      chosen = 14'sd0;
      for (int l = 0; l < LEVELS; l++) if (32'(code) == l) chosen = chosen | product[l];
    end
    wire signed [20:0] wide = {{7{chosen[13]}}, chosen};
    always_ff @(posedge clk) begin
      if (product_valid) accumulator[c] <= product_first ? wide : accumulator[c] + wide;
      if (drain_load) drain[c] <= accumulator[c];
    end
  end

  // 4.2: sum_g * (16 + scale % 16), and its shift min(31, 15 - scale / 16 + distance). Step s takes the NS columns s NS ..; at 6
  // bits the NS / 2 pairs s NS / 2 .., sum_g = 8 hi + lo of the cells 2n and 2n + 1, for both halves of the scalers.
  for (genvar j = 0; j < SCALERS; j++) begin : scaler
    logic signed [20:0] group;
    wire [7:0] scale = scale_word[j*8+:8];
    wire [6:0] places = 7'd15 + {2'd0, walk_shift} - {3'd0, scale[7:4]};
    wire signed [25:0] value = {{5{group[20]}}, group};
    always_comb begin
      group = 21'sd0;
      for (int n = 0; n < COLUMNS; n++) begin
        if (!six_bit && n % SCALERS == j && 32'(walk) == n / SCALERS) group = group | drain[n];
        if (six_bit && n < COLUMNS / 2 && n % HALF == j % HALF && 32'(walk) == n / HALF) begin
          group = group | (8 * drain[2*n%COLUMNS] + drain[(2*n+1)%COLUMNS]);
        end
      end
    end
    always_ff @(posedge clk) begin
      if (walk_valid) begin
        scaled[j] <= value * $signed({21'd0, 1'b1, scale[3:0]});
        term_shift[j] <= places > 7'd31 ? 5'd31 : places[4:0];
      end
    end
  end

  // RoundShift(v, s) = floor((v + 2^(s - 1)) / 2^s). A column's sum takes the term of its scaler.
  logic [SCALERS*32-1:0] terms;
  for (genvar j = 0; j < SCALERS; j++) begin : round
    wire signed [31:0] value = {{6{scaled[j][25]}}, scaled[j]};
    wire signed [31:0] half = term_shift[j] == 5'd0 ? 32'sd0 : 32'sd1 <<< (term_shift[j] - 5'd1);
    assign terms[j*32+:32] = (value + half) >>> term_shift[j];
  end
  for (genvar n = 0; n < COLUMNS; n++) begin : sum
    wire mine = 32'(term_row) == n / SCALERS && (!six_bit || term_odd == (n % SCALERS >= HALF));
    always_ff @(posedge clk) begin
      if (term_valid & mine) begin
        column_sum[n] <= term_first ? terms[n%SCALERS*32+:32] : column_sum[n] + terms[n%SCALERS*32+:32];
      end
    end
  end

  // Collect port: word w is the columns W w .. W w + W - 1, and zero without `collect`.
  for (genvar l = 0; l < LANES; l++) begin : lane
    logic [31:0] word;
    always_comb begin
      word = 32'd0;
      for (int w = 0; w < WORDS; w++) if (32'(collect_word) == w) word = word | column_sum[w*LANES+l];
    end
    always_ff @(posedge clk) sums[l*32+:32] <= collect ? word : 32'd0;
  end
endmodule

`default_nettype wire
