// `BURIN_COPY(net, copy): under SYNTHESIS the copy of a net that a tree of burin_broadcast gives this reader; in a simulator the
// net itself, the same value without the time that copies take.
`ifndef BURIN_BROADCAST_SVH
`define BURIN_BROADCAST_SVH
`ifdef SYNTHESIS
`define BURIN_COPY(net, copy) copy
`else
`define BURIN_COPY(net, copy) net
`endif
`endif
