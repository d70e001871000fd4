// Sum of the row blocks of a matrix, W lanes: a binary tree with a register a level, ceil(log2(LEAVES)) cycles, a word a
// cycle. Sums wrap nowhere: contract 4.2 keeps the whole column below 2^31. LEAVES = 1 is wires. The inputs are zero when
// not valid, and so is the output. One process, root first, and under SYNTHESIS a copy of the enable for each lane, for the
// reasons given in burin_bank.sv.
`default_nettype none
`include "burin_broadcast.svh"

module burin_adder_tree #(
    parameter int LANES = 16,
    parameter int LEAVES = 2
) (
    input wire logic clk,
    input wire logic reset,
    input wire logic in_valid,
    input wire logic [LEAVES*LANES*32-1:0] in_sums,
    output logic out_valid,
    output logic [LANES*32-1:0] out_sums
);
  localparam int LEVELS = LEAVES > 1 ? $clog2(LEAVES) : 0;
  localparam int WIDE = 1 << LEVELS;  // leaves, filled up with zeros

  if (LEVELS == 0) begin : wires
    assign out_valid = in_valid;
    assign out_sums = in_sums;
    /* verilator lint_off UNUSEDSIGNAL */
    logic unused;
    assign unused = clk & reset;
    /* verilator lint_on UNUSEDSIGNAL */
  end else begin : tree
    /* verilator lint_off BLKSEQ */
    // Node n adds nodes 2n and 2n + 1; nodes WIDE .. 2 * WIDE - 1 are the leaves.
    logic [31:0] node[0:WIDE*LANES-1];
    logic [LEVELS-1:0] valid;
    wire runs = in_valid | (|valid);
`ifdef SYNTHESIS
    wire [LANES-1:0] runs_lane;
    burin_broadcast #(.WIDTH(1), .COPIES(LANES)) runs_tree (.in(runs), .out(runs_lane));
`endif
    always_ff @(posedge clk) begin
      if (reset) begin
        valid = '0;
        for (int n = LANES; n < WIDE * LANES; n++) node[n] = 32'd0;
        out_sums <= '0;
        out_valid <= 1'b0;
      end else if (`BURIN_COPY(runs, 1'b1)) begin  // of all lanes, or of each on its own
        for (int l = 0; l < LANES; l++) begin
          if (`BURIN_COPY(1'b1, runs_lane[l])) begin
            for (int n = 1; n < WIDE; n++) begin
              if (2 * n < WIDE) node[n*LANES+l] = node[2*n*LANES+l] + node[(2*n+1)*LANES+l];
              else if (2 * n + 1 - WIDE < LEAVES) begin
                node[n*LANES+l] = in_sums[((2*n-WIDE)*LANES+l)*32+:32] + in_sums[((2*n+1-WIDE)*LANES+l)*32+:32];
              end else if (2 * n - WIDE < LEAVES) node[n*LANES+l] = in_sums[((2*n-WIDE)*LANES+l)*32+:32];
              else node[n*LANES+l] = 32'd0;
            end
            out_sums[l*32+:32] <= node[LANES+l];
          end
        end
        valid = LEVELS'({valid, in_valid});
        out_valid <= valid[LEVELS-1];
      end
    end
    /* verilator lint_on BLKSEQ */
  end
endmodule

`default_nettype wire
