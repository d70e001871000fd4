// Roundings of the contract (docs/numerics.md, section 1) as functions of a stated width; used inside a module.
`ifndef BURIN_FIXED_SVH
`define BURIN_FIXED_SVH

// ScaleToInt32: x * 2^e as a saturated 32-bit integer, right shifts rounded half up. WIDTH <= 63.
`define BURIN_SCALE(NAME, WIDTH) \
  function automatic logic signed [31:0] NAME(input logic signed [WIDTH-1:0] fixed_x, input logic signed [11:0] fixed_e); \
    logic signed [63:0] wide; \
    logic [11:0] fixed_s; \
    wide = 64'(fixed_x); \
    if (fixed_e <= 0) begin \
      fixed_s = 12'(-fixed_e); \
      if (fixed_s > 12'(WIDTH)) wide = 64'sd0; \
      else wide = (wide + $signed((64'd1 << fixed_s[5:0]) >> 1)) >>> fixed_s[5:0]; \
    end else begin \
      fixed_s = fixed_e > 12'sd31 ? 12'd31 : 12'(fixed_e); \
      if (wide > 64'sd2147483647) wide = 64'sd2147483647; \
      if (wide < -64'sd2147483648) wide = -64'sd2147483648; \
      wide = wide <<< fixed_s[5:0]; \
    end \
    if (wide > 64'sd2147483647) NAME = 32'sh7fffffff; \
    else if (wide < -64'sd2147483648) NAME = 32'sh80000000; \
    else NAME = wide[31:0]; \
  endfunction

// SaturatingAdd of two 32-bit integers.
`define BURIN_SATURATING_ADD(NAME) \
  function automatic logic signed [31:0] NAME(input logic signed [31:0] fixed_a, input logic signed [31:0] fixed_b); \
    logic signed [32:0] sum; \
    sum = 33'(fixed_a) + 33'(fixed_b); \
    if (sum > 33'sd2147483647) NAME = 32'sh7fffffff; \
    else if (sum < -33'sd2147483648) NAME = 32'sh80000000; \
    else NAME = sum[31:0]; \
  endfunction

// BitLength: bits of an unsigned number of WIDTH <= 64 bits; 0 for 0.
`define BURIN_BIT_LENGTH(NAME, WIDTH) \
  function automatic logic [6:0] NAME(input logic [WIDTH-1:0] fixed_x); \
    logic [63:0] rest; \
    NAME = 7'd0; \
    rest = 64'(fixed_x); \
    if (|rest[63:32]) begin NAME = NAME + 7'd32; rest = rest >> 32; end \
    if (|rest[31:16]) begin NAME = NAME + 7'd16; rest = rest >> 16; end \
    if (|rest[15:8]) begin NAME = NAME + 7'd8; rest = rest >> 8; end \
    if (|rest[7:4]) begin NAME = NAME + 7'd4; rest = rest >> 4; end \
    if (|rest[3:2]) begin NAME = NAME + 7'd2; rest = rest >> 2; end \
    if (rest[1]) NAME = NAME + 7'd2; \
    else if (rest[0]) NAME = NAME + 7'd1; \
  endfunction

`endif
