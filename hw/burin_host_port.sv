// Host port: tokens in, tokens and the largest logits out, adapter loading, registers. It runs the
// loop of a request by itself: prompt tokens one after the other, then the likeliest token is fed
// back until MAX_NEW tokens are written, a stop id comes or the context is full.
//
// Streams: 32-bit words with valid and ready as in AXI4-Stream; a word is taken in a cycle in which
// both are high; valid does not wait for ready.
//   in, in_dest 0   a token id; in_last marks the end of a prompt. A prompt goes on behind what the
//                   sequence holds already (CONTROL bit 0 begins a new one).
//   in, in_dest 1   adapter image, 4 bytes a word, little-endian: LAYERS * 7 table entries of 16
//                   bytes, then the words (docs/formats/adapter.md). CONTROL bit 1 begins one.
//   out             for each written token 1 + 2 * TOP_K words: the token with bit 31 set when it is
//                   the last; then id and logit (int32, 16 fraction bits) of the TOP_K largest, of
//                   equals the lowest id first. out_last on the last word.
// Latency: a token starts two cycles after its word is taken; a packet starts two cycles after the
// engine's done.
//
// Registers, word addresses; a read's value follows a cycle after its address:
//   00 "BURN"   01 version (1)   02 layers   03 vocabulary   04 context   05 top_k
//   08..0F cartridge digest, first byte in bits 7:0 of 08
//   10 write CONTROL: 1 new sequence, 2 new adapter image, 4 clear the counters
//      read STATUS: 1 busy, 2 a token was refused (id or context), 4 the adapter image is complete
//   11 MAX_NEW   12, 13 stop ids (FFFFFFFF: none)   14 ADAPTER: 1 tokens use the adapter
//   15 position   16 adapter words written   20 cycles of the engine   21 tokens run
//   30 + op: cycles of the steps of that op (docs/machine.md), modulo 2^32; 3F: 2 a token, its end
`default_nettype none
module burin_host_port #(
  parameter integer TOP_K = 8,
  parameter integer LAYERS = 1,
  parameter integer VOCAB = 256,
  parameter integer CONTEXT = 64,
  parameter integer ADAPTER_WORD_BYTES = 16,  // a multiple of 4
  parameter [255:0] DIGEST = 256'd0
) (
  input  wire        clk,
  input  wire        reset,
  // host
  input  wire        in_valid,
  output wire        in_ready,
  input  wire [31:0] in_data,
  input  wire        in_dest,
  input  wire        in_last,
  output wire        out_valid,
  input  wire        out_ready,
  output reg  [31:0] out_data,
  output reg         out_last,
  input  wire [7:0]  register_address,
  input  wire        register_write,
  input  wire [31:0] register_write_data,
  output reg  [31:0] register_read_data,
  // engine
  output reg         start,
  output reg  [31:0] token,
  output reg  [31:0] position,
  output reg         sampling,
  output reg         adapter,
  input  wire        engine_busy,
  input  wire        engine_done,
  input  wire [TOP_K*32-1:0] top_ids,
  input  wire [TOP_K*32-1:0] top_logits,
  input  wire        step_busy,
  input  wire [3:0]  step_op,
  output reg         adapter_write,
  output reg  [31:0] adapter_write_address,
  output reg  [ADAPTER_WORD_BYTES*8-1:0] adapter_write_data,
  output reg         adapter_table_write,
  output reg  [15:0] adapter_table_address,
  output reg  [127:0] adapter_table_data
);
  localparam [1:0] IDLE = 2'd0, RUN = 2'd1, SEND = 2'd2;
  localparam [31:0] MAGIC = 32'h4E525542;
  localparam integer WORD_BITS = ADAPTER_WORD_BYTES * 8;
  localparam [15:0] TABLE_ENTRIES = 16'(LAYERS * 7);
  localparam [15:0] WORD_PARTS = 16'(ADAPTER_WORD_BYTES / 4);
  localparam [7:0] PACKET_WORDS = 8'(1 + 2 * TOP_K);

  reg [1:0] state;
  reg [31:0] max_new, remaining, stop_a, stop_b;
  reg use_adapter, refused, final_token;
  reg [7:0] send_index;
  reg [TOP_K*64-1:0] packet;  // id, logit, id, ... of the words to come, the next in bits 31:0
  wire [TOP_K*64-1:0] pairs;

  // adapter image
  reg [15:0] part, entries;
  reg [31:0] words;
  wire image_open = entries != TABLE_ENTRIES;
  // The parts of an entry or a word that came before the last one, the newest on top.
  reg [95:0] entry_parts;
  wire [WORD_BITS-1:0] next_word;

  assign in_ready = in_dest ? 1'b1 : state == IDLE && !start;
  assign out_valid = state == SEND && send_index != 8'd0;

  wire take_token = in_valid && in_ready && !in_dest;
  wire take_image = in_valid && in_ready && in_dest;
  wire can_run = in_data < VOCAB && position < CONTEXT;
  wire [31:0] best = top_ids[31:0];
  wire sent = out_ready && send_index == PACKET_WORDS;
  wire control = register_write && register_address == 8'h10;

  // ---- the loop of a request
  always @(posedge clk) begin
    start <= 1'b0;
    case (state)
      IDLE: if (take_token) begin
        if (can_run) begin
          token <= in_data;
          sampling <= in_last;
          adapter <= use_adapter;
          remaining <= max_new;
          start <= 1'b1;
          state <= RUN;
        end else refused <= 1'b1;
      end
      RUN: if (engine_done) begin
        position <= position + 32'd1;
        send_index <= 8'd0;
        state <= sampling && remaining != 32'd0 ? SEND : IDLE;
      end
      SEND: begin
        if (send_index == 8'd0) begin
          final_token <= remaining == 32'd1 || best == stop_a || best == stop_b ||
                         position == CONTEXT;
          out_data <= {remaining == 32'd1 || best == stop_a || best == stop_b ||
                       position == CONTEXT, best[30:0]};
          out_last <= 1'b0;
          packet <= pairs;
          send_index <= 8'd1;
        end else if (sent) begin
          out_last <= 1'b0;
          remaining <= remaining - 32'd1;
          token <= best;
          start <= !final_token;
          state <= final_token ? IDLE : RUN;
        end else if (out_ready) begin
          out_data <= packet[31:0];
          packet <= {32'd0, packet[TOP_K*64-1:32]};
          out_last <= send_index == PACKET_WORDS - 8'd1;
          send_index <= send_index + 8'd1;
        end
      end
      default: state <= IDLE;
    endcase
    if (control && register_write_data[0]) begin
      position <= 32'd0;
      refused <= 1'b0;
    end
    if (reset) begin
      state <= IDLE;
      position <= 32'd0;
      sampling <= 1'b0;
      refused <= 1'b0;
      send_index <= 8'd0;
      out_last <= 1'b0;
    end
  end

  genvar k;
  generate
    for (k = 0; k < TOP_K; k = k + 1) begin : pair
      assign pairs[k*64 +: 64] = {top_logits[k*32 +: 32], top_ids[k*32 +: 32]};
    end
  endgenerate

  // ---- adapter image
  always @(posedge clk) begin
    adapter_write <= 1'b0;
    adapter_table_write <= 1'b0;
    if (take_image) begin
      part <= part + 16'd1;
      if (image_open) begin
        entry_parts <= {in_data, entry_parts[95:32]};
        if (part == 16'd3) begin
          part <= 16'd0;
          entries <= entries + 16'd1;
          adapter_table_write <= 1'b1;
          adapter_table_address <= entries;
          adapter_table_data <= {in_data, entry_parts};
        end
      end else begin
        if (part == WORD_PARTS - 16'd1) begin
          part <= 16'd0;
          words <= words + 32'd1;
          adapter_write <= 1'b1;
          adapter_write_address <= words;
          adapter_write_data <= next_word;
        end
      end
    end
    if (reset || (control && register_write_data[1])) begin
      part <= 16'd0;
      entries <= 16'd0;
      words <= 32'd0;
    end
  end
  generate
    if (ADAPTER_WORD_BYTES > 4) begin : wide_word
      reg [WORD_BITS-33:0] parts;
      assign next_word = {in_data, parts};
      always @(posedge clk) if (take_image) parts <= next_word[WORD_BITS-1:32];
    end else begin : narrow_word
      assign next_word = in_data;
    end
  endgenerate

  // ---- registers
  reg [31:0] cycles, tokens;
  reg [31:0] op_cycles [0:15];
  integer i;
  always @(posedge clk) begin
    if (engine_busy) cycles <= cycles + 32'd1;
    if (engine_done) tokens <= tokens + 32'd1;
    if (step_busy) op_cycles[step_op] <= op_cycles[step_op] + 32'd1;
    if (reset || (control && register_write_data[2])) begin
      cycles <= 32'd0;
      tokens <= 32'd0;
      for (i = 0; i < 16; i = i + 1) op_cycles[i] <= 32'd0;
    end
  end

  always @(posedge clk) begin
    if (register_write) begin
      case (register_address)
        8'h11: max_new <= register_write_data;
        8'h12: stop_a <= register_write_data;
        8'h13: stop_b <= register_write_data;
        8'h14: use_adapter <= register_write_data[0];
        default: ;
      endcase
    end
    if (reset) begin
      max_new <= 32'd1;
      stop_a <= 32'hFFFFFFFF;
      stop_b <= 32'hFFFFFFFF;
      use_adapter <= 1'b0;
    end
  end

  always @(posedge clk) begin
    case (register_address)
      8'h00: register_read_data <= MAGIC;
      8'h01: register_read_data <= 32'd1;
      8'h02: register_read_data <= LAYERS;
      8'h03: register_read_data <= VOCAB;
      8'h04: register_read_data <= CONTEXT;
      8'h05: register_read_data <= TOP_K;
      8'h10: register_read_data <= {29'd0, !image_open && part == 16'd0, refused, state != IDLE};
      8'h11: register_read_data <= max_new;
      8'h12: register_read_data <= stop_a;
      8'h13: register_read_data <= stop_b;
      8'h14: register_read_data <= {31'd0, use_adapter};
      8'h15: register_read_data <= position;
      8'h16: register_read_data <= words;
      8'h20: register_read_data <= cycles;
      8'h21: register_read_data <= tokens;
      default: begin
        register_read_data <= 32'd0;
        if (register_address[7:3] == 5'd1) begin
          register_read_data <= DIGEST[{register_address[2:0], 5'd0} +: 32];
        end
        if (register_address[7:4] == 4'd3) register_read_data <= op_cycles[register_address[3:0]];
      end
    endcase
  end
endmodule
`default_nettype wire
