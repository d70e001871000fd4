// Bench of an emitted tile for Icarus Verilog: the first +tokens=N passes of sim/trace.hex, the same
// comparisons as bench.cc. A second reading of the language, with unknown values: an X in a sum is
// a difference.
`timescale 1ns/1ps
module bench;
  `include "trace_size.svh"
  localparam integer HEADER = 22;

  reg clk = 1'b0, reset = 1'b1;
  reg act_valid = 1'b0, act_exp_valid = 1'b0, act_commit = 1'b0, pass_start = 1'b0, collect = 1'b0;
  reg [15:0] act_word = 0, pass_rows = 0, collect_word = 0;
  reg [TRACE_LANES*8-1:0] act_data = 0;
  reg [12:0] act_group = 0;
  reg [7:0] act_exp = 0, act_common = 0;
  reg [4:0] act_drop = 0;
  reg [11:0] collect_matrix = 0;
  wire raw_valid;
  wire [TRACE_LANES*32-1:0] raw;

  burin_tile tile (
    .clk(clk), .reset(reset), .act_valid(act_valid), .act_select(10'd0), .act_word(act_word), .act_data(act_data),
    .act_exp_valid(act_exp_valid), .act_group(act_group), .act_exp(act_exp), .act_commit(act_commit),
    .act_common(act_common), .act_drop(act_drop), .pass_start(pass_start), .pass_select(10'd0), .pass_rows(pass_rows),
    .collect(collect), .collect_matrix(collect_matrix), .collect_block(16'd0), .collect_word(collect_word),
    .raw_valid(raw_valid), .raw(raw));

  always #5 clk = ~clk;

  reg [31:0] trace [0:TRACE_WORDS-1];
  integer passes, pass, limit, at, i, lane, column, passed, failed;
  integer words, groups, output_words, columns, tree;
  reg wanted;

  task check(input equal, input [8*12-1:0] what, input integer index);
    if (equal) passed = passed + 1;
    else begin
      failed = failed + 1;
      if (failed <= 12) $display("FAILED pass %0d: %0s %0d", pass, what, index);
    end
  endtask

  task feed;
    begin
      act_common = trace[at + 1][7:0];
      act_drop = trace[20][4:0];
      at = at + 2;
      for (i = 0; i < groups; i = i + 1) begin
        act_exp_valid = 1'b1;
        act_group = i;
        act_exp = trace[at + i][7:0];
        @(negedge clk);
      end
      act_exp_valid = 1'b0;
      at = at + groups;
      for (i = 0; i < words; i = i + 1) begin
        act_valid = 1'b1;
        act_word = i;
        for (lane = 0; lane < TRACE_LANES; lane = lane + 1) act_data[lane*8 +: 8] = trace[at + i*TRACE_LANES + lane][7:0];
        @(negedge clk);
      end
      act_valid = 1'b0;
      at = at + words * TRACE_LANES;
      act_commit = 1'b1;
      @(negedge clk) act_commit = 1'b0;
    end
  endtask

  task run_pass;
    begin
      feed;
      pass_rows = trace[13];
      pass_start = 1'b1;
      @(negedge clk) pass_start = 1'b0;
      repeat (trace[17] - 1) @(negedge clk);
      collect_matrix = trace[14];
      for (i = 1; i < output_words + tree + 2; i = i + 1) begin
        collect = i <= output_words;
        collect_word = output_words - i;  // the word that is ready last first
        @(negedge clk);
        wanted = i >= tree && i < tree + output_words;
        check(raw_valid === wanted, "raw_valid", i);
        if (wanted) begin
          for (lane = 0; lane < TRACE_LANES; lane = lane + 1) begin
            column = (output_words - 1 - (i - tree)) * TRACE_LANES + lane;
            if (column < columns) check(raw[lane*32 +: 32] === trace[at + column], "column", trace[21] + column);
          end
        end
      end
      at = at + columns;
    end
  endtask

  initial begin
    $readmemh("sim/trace.hex", trace);
    if (!$value$plusargs("tokens=%d", limit)) limit = 2;
    words = trace[11];
    groups = trace[12];
    output_words = trace[15];
    columns = trace[16];
    tree = trace[18];
    passes = trace[19] < limit ? trace[19] : limit;
    passed = 0;
    failed = 0;
    at = HEADER;
    repeat (4) @(negedge clk);
    reset = 1'b0;
    @(negedge clk);
    for (pass = 0; pass < passes; pass = pass + 1) run_pass;
    $display("%0d passes", passes);
    $display("%0d passed, %0d failed", passed, failed);
    $finish;
  end
endmodule
