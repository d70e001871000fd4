// A register that stores !D behind an inverter, for one that stores D, as a techmap of yosys: the same but for what a proof would
// call its state.
(* techmap_celltype = "$_DFF_P_" *)
module inverted_register (
    C, D, Q
);
  input C, D;
  output Q;
  wire state;
  \$_DFF_P_ register (.C(C), .D(~D), .Q(state));
  assign Q = ~state;
endmodule
