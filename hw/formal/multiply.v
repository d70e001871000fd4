// `*` by the bits of B, as a techmap of yosys: the rows of a long multiplication, added from the first to the last. Both sides of
// a proof get the same rows, so that what is compared is what is done with products.
(* techmap_celltype = "$mul" *)
module multiply (
    A, B, Y
);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  wire [Y_WIDTH+A_WIDTH-1:0] extended = {{Y_WIDTH{A_SIGNED ? A[A_WIDTH-1] : 1'b0}}, A};
  wire [Y_WIDTH-1:0] row = extended[Y_WIDTH-1:0];
  wire [Y_WIDTH*(B_WIDTH+1)-1:0] sum;
  genvar i;
  generate
    assign sum[0+:Y_WIDTH] = {Y_WIDTH{1'b0}};
    for (i = 0; i < B_WIDTH; i = i + 1) begin : bits
      wire [Y_WIDTH-1:0] term = B[i] ? row << i : {Y_WIDTH{1'b0}};
      if (B_SIGNED && i == B_WIDTH - 1) assign sum[(i+1)*Y_WIDTH+:Y_WIDTH] = sum[i*Y_WIDTH+:Y_WIDTH] - term;  // the sign counts -2^i
      else assign sum[(i+1)*Y_WIDTH+:Y_WIDTH] = sum[i*Y_WIDTH+:Y_WIDTH] + term;
    end
  endgenerate
  assign Y = sum[B_WIDTH*Y_WIDTH+:Y_WIDTH];
endmodule
