// Sequencer: walks the program ROM for one token. A step is fetched, decoded and started, and ends in the cycle in which
// its unit reports the last result: 2 cycles and those of the unit; a step that is skipped takes the 2.
`default_nettype none

module burin_sequencer (
    input wire logic clk,
    input wire logic reset,
    input wire logic start,
    input wire logic sampling,  // stable while busy
    input wire logic adapter,   // stable while busy
    output logic busy,
    output logic done,          // pulse, last cycle
    output logic program_enable,
    output logic [15:0] program_address,
    input wire logic [159:0] program_word,
    output logic [159:0] step,  // the running step's word
    output logic step_start,    // first cycle of its unit
    output logic step_busy,     // fetch to end, also of a skipped one
    input wire logic step_end   // last cycle of its unit
);
  typedef enum logic [1:0] {IDLE, FETCH, DECODE, RUN} state_t;
  state_t state;
  logic last, skipped;
  assign last = program_word[3:0] == 4'd15;
  assign skipped = (program_word[4] & ~adapter) | (program_word[5] & ~sampling);
  assign busy = state != IDLE;
  assign step_busy = busy;
  assign program_enable = state == FETCH;
  assign done = state == DECODE && last;
  always_ff @(posedge clk) begin
    step_start <= 1'b0;
    if (reset) begin
      state <= IDLE;
      step[3:0] <= 4'd15;  // as behind a token: its first fetch is nobody's cycles
    end else begin
      case (state)
        FETCH: begin
          program_address <= program_address + 16'd1;
          state <= DECODE;
        end
        DECODE: begin
          step <= program_word;
          if (last) state <= IDLE;
          else if (skipped) state <= FETCH;
          else begin
            state <= RUN;
            step_start <= 1'b1;
          end
        end
        RUN: if (step_end) state <= FETCH;
        default: begin
          program_address <= 16'd0;
          if (start) state <= FETCH;
        end
      endcase
    end
  end
endmodule

`default_nettype wire
