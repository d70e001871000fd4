// Bench of an emitted chip for Icarus Verilog: the first +tokens=N tokens of sim/trace.hex, the same
// comparisons as bench.cc but for cycles. A second reading of the language, with unknown values:
// an X in a compared vector is a difference.
`timescale 1ns/1ps
module bench;
  `include "trace_size.svh"
  localparam integer HEADER = 19;

  reg clk = 1'b0, reset = 1'b1;
  reg in_valid = 1'b0, in_dest = 1'b0, in_last = 1'b0, out_ready = 1'b0, register_write = 1'b0;
  reg [31:0] in_data = 0, register_write_data = 0;
  reg [7:0] register_address = 0;
  wire in_ready, out_valid, out_last, trace_write, trace_fetch;
  wire [31:0] out_data, register_read_data;
  wire [15:0] trace_address, trace_step;
  wire [TRACE_LANES-1:0] trace_mask;
  wire [TRACE_LANES*32-1:0] trace_data;

  burin_chip chip (
    .clk(clk), .reset(reset), .in_valid(in_valid), .in_ready(in_ready), .in_data(in_data), .in_dest(in_dest),
    .in_last(in_last), .out_valid(out_valid), .out_ready(out_ready), .out_data(out_data), .out_last(out_last),
    .register_address(register_address), .register_write(register_write),
    .register_write_data(register_write_data), .register_read_data(register_read_data),
    .trace_write(trace_write), .trace_address(trace_address), .trace_mask(trace_mask), .trace_data(trace_data),
    .trace_fetch(trace_fetch), .trace_step(trace_step));

  always #5 clk = ~clk;

  reg [31:0] trace [0:TRACE_WORDS-1];
  reg [31:0] image [0:TRACE_ADAPTER_WORDS];
  reg [31:0] memory [0:TRACE_LANES*TRACE_VECTOR_WORDS-1];
  integer steps, tokens, prompt, limit, at, t, k, passed, failed, cycles, done, i, lane;
  integer values;         // place in the trace of the next expected value
  reg running = 1'b0, sampling;
  reg [31:0] written;     // the token that the chip wrote

  task check(input equal, input [8*12-1:0] what, input integer index);
    if (equal) passed = passed + 1;
    else begin
      failed = failed + 1;
      if (failed <= 12) $display("FAILED token %0d, step %0d: %0s %0d", t, done, what, index);
    end
  endtask

  // A step's vector against the trace.
  task compare(input integer step);
    integer entry, base, count, n;
    reg equal;
    begin
      entry = HEADER + 5 * step;
      base = trace[entry + 3] * TRACE_LANES;
      count = trace[entry + 4];
      equal = 1'b1;
      for (n = 0; n < count; n = n + 1) begin
        if (equal && memory[base + n] !== trace[values + n]) begin
          equal = 1'b0;
          $display("token %0d step %0d value %0d: chip %0d, reference %0d", t, step, n,
                   $signed(memory[base + n]), $signed(trace[values + n]));
        end
      end
      values = values + count;
      if (count > 0) check(equal, "vector", step);
    end
  endtask

  always @(posedge clk) begin
    cycles = cycles + 1;
    if (!reset && trace_write === 1'b1) begin
      for (lane = 0; lane < TRACE_LANES; lane = lane + 1) begin
        if (trace_mask[lane]) memory[trace_address * TRACE_LANES + lane] = trace_data[lane*32 +: 32];
      end
    end
    if (running && trace_fetch === 1'b1) begin
      while (done < trace_step) begin
        compare(done);
        done = done + 1;
      end
    end
  end

  task write_register(input [7:0] address, input [31:0] value);
    begin
      @(negedge clk);
      register_address = address;
      register_write_data = value;
      register_write = 1'b1;
      @(negedge clk) register_write = 1'b0;
    end
  endtask

  task run_token;
    begin
      sampling = trace[at + 1] != 0;
      values = at + 2 + steps;
      done = 0;
      running = 1'b1;
      if (t < prompt) begin
        @(negedge clk);
        in_data = trace[at];
        in_last = t + 1 == prompt;
        in_valid = 1'b1;
        while (!in_ready) @(negedge clk);
        @(negedge clk) in_valid = 1'b0;
      end else check(written === trace[at], "token", 0);
      while (done < steps) @(negedge clk);
      running = 1'b0;
      at = values;
      if (sampling) receive;
    end
  endtask

  task receive;
    begin
      out_ready = 1'b1;
      for (k = 0; k <= 2 * TRACE_TOP_K; k = k + 1) begin
        while (out_valid !== 1'b1) @(negedge clk);
        if (k == 0) written = {1'b0, out_data[30:0]};
        else check(out_data === trace[at + k - 1], "top", k - 1);
        check(out_last === (k == 2 * TRACE_TOP_K), "out_last", k);
        @(negedge clk);
      end
      out_ready = 1'b0;
      at = at + 2 * TRACE_TOP_K;
    end
  endtask

  initial begin
    $readmemh("sim/trace.hex", trace);
    if (!$value$plusargs("tokens=%d", limit)) limit = 2;
    steps = trace[15];
    tokens = trace[16] < limit ? trace[16] : limit;
    prompt = trace[17];
    passed = 0;
    failed = 0;
    cycles = 0;
    at = HEADER + 5 * steps;
    repeat (4) @(negedge clk);
    reset = 1'b0;
    for (i = 0; i < 8; i = i + 1) begin
      @(negedge clk) register_address = 8 + i;
      @(negedge clk);
      if (register_read_data !== trace[2 + i]) begin
        $display("the trace belongs to another cartridge than the chip");
        $display("0 passed, 1 failed");
        $finish;
      end
    end
    write_register(8'h11, trace[18]);
    if (TRACE_ADAPTER_WORDS > 0) begin
      $readmemh("sim/adapter.hex", image, 0, TRACE_ADAPTER_WORDS - 1);
      write_register(8'h10, 32'd2);
      in_dest = 1'b1;
      for (i = 0; i < TRACE_ADAPTER_WORDS; i = i + 1) begin
        in_data = image[i];
        in_valid = 1'b1;
        @(negedge clk);
      end
      in_valid = 1'b0;
      in_dest = 1'b0;
      write_register(8'h14, 32'd1);
    end
    write_register(8'h10, 32'd5);
    for (t = 0; t < tokens; t = t + 1) run_token;
    $display("%0d tokens, %0d cycles", tokens, cycles);
    $display("%0d passed, %0d failed", passed, failed);
    $finish;
  end
endmodule
