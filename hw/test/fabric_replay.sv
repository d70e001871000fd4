// Plays the vectors that fabric_bench.cc recorded (+vectors=FILE) to fabric_bench in any simulator and compares every
// output of every cycle; an unknown bit is a difference. Prints "N passed, N failed".
`default_nettype none

module fabric_replay;
  logic clk = 1'b0;
  logic reset, rom_write, scale_write, six_bit, act_valid, act_exp_valid, act_commit, pass_start, collect, embed_start;
  logic [15:0] rom_bank, rom_address, rows_total, rows_real, act_word, pass_rows, collect_block, collect_word;
  logic [15:0] embed_block, embed_column, embed_rows;
  logic [127:0] rom_word;
  logic [15:0] scale_word;
  logic [111:0] codebook;
  logic [9:0] act_select;
  logic [63:0] act_data;
  logic [12:0] act_group;
  logic signed [7:0] act_exp, act_common, embed_exponent;
  logic [4:0] act_drop;
  logic raw_valid, embed_valid, want_raw_valid, want_embed_valid;
  logic [255:0] raw, embed_data, want_raw, want_embed_data;
  logic [15:0] embed_index, want_embed_index;
  fabric_bench bench (.*);

  integer file, read, passed, failed;
  reg [1023:0] name;
  initial begin
    passed = 0;
    failed = 0;
    if (!$value$plusargs("vectors=%s", name)) $finish;
    file = $fopen(name, "r");
    read = 36;
    while (read == 36) begin
      read = $fscanf(file,
          "%h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h %h",
          reset, rom_write, rom_bank, rom_address, rom_word, scale_write, scale_word, codebook, six_bit, rows_total,
          rows_real, act_valid, act_select, act_word, act_data, act_exp_valid, act_group, act_exp, act_commit, act_common,
          act_drop, pass_start, pass_rows, collect, collect_block, collect_word, embed_start, embed_block, embed_column,
          embed_rows, embed_exponent, want_raw_valid, want_raw, want_embed_valid, want_embed_index, want_embed_data);
      if (read == 36) begin
        #1 clk = 1'b1;
        #1;
        if (!reset) begin
          if ({raw_valid, raw, embed_valid, embed_index, embed_data} ===
              {want_raw_valid, want_raw, want_embed_valid, want_embed_index, want_embed_data}) passed = passed + 1;
          else begin
            failed = failed + 1;
            if (failed < 5) $display("cycle %0d differs: %h, not %h", passed + failed, raw, want_raw);
          end
        end
        clk = 1'b0;
      end
    end
    $display("%0d passed, %0d failed", passed, failed);
    $finish;
  end
endmodule

`default_nettype wire
