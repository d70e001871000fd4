// Adapter engine (contract 11): P x RANKS multipliers of 8 x 8 bits, the writable memory of A and B in token order
// (docs/formats/adapter.md), and the rank vectors of up to three matrices.
//
// It listens to the activation bus, so x is here when the pass begins. Down: t = A x of `count` matrices, one behind the
// other; a matrix of rank r with turns = ceil(r / RANKS) takes 8 + ceil(K / P) * turns + 2 * turns cycles, one without
// adapter 2. Up: B t of one matrix, outputs in order, W a word; ceil(N / P) * turns + ceil(N / (P * RANKS)) + 6 cycles.
//
// Limits: at most 1024 groups (no drop bits), rank <= MAX_TURNS * RANKS, P divides W and G.
`default_nettype none
`include "burin_fixed.svh"

module burin_adapter #(
    parameter int LANES = 16,
    parameter int GROUP = 32,
    parameter int RANKS = 16,
    parameter int POSITIONS = 1,
    parameter int MAX_TURNS = 1,
    parameter int WORDS = 1024,     // of the memory
    parameter int ENTRIES = 7,      // of the table
    parameter int INPUT_WORDS = 32  // longest x, in words of W
) (
    input wire logic clk,
    input wire logic reset,
    // port
    input wire logic write,
    input wire logic [31:0] write_address,
    input wire logic [POSITIONS*RANKS*8-1:0] write_data,
    input wire logic table_write,
    input wire logic [15:0] table_address,
    input wire logic [127:0] table_data,
    // activation bus
    input wire logic act_valid,
    input wire logic [15:0] act_word,
    input wire logic [LANES*8-1:0] act_data,
    input wire logic act_exp_valid,
    input wire logic [12:0] act_group,
    input wire logic signed [7:0] act_exp,
    input wire logic act_commit,
    input wire logic signed [7:0] act_common,
    // down: matrices entry .. entry + count - 1, K = values
    input wire logic down_start,
    // up: matrix `entry`, rank vector `slot`, N = values
    input wire logic up_start,
    input wire logic [11:0] entry,
    input wire logic [1:0] count,
    input wire logic [1:0] slot,
    input wire logic [15:0] values,
    input wire logic signed [11:0] fraction,
    output logic busy,
    output logic out_valid,
    output logic [LANES*32-1:0] out_word,
    output logic up_absent,  // a pulse instead of words: the matrix has no adapter
    output logic down_done
);
  localparam int WORD = POSITIONS * RANKS;
  localparam int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int ENTRY_BITS = ENTRIES > 1 ? $clog2(ENTRIES) : 1;
  localparam int INPUT_BITS = INPUT_WORDS > 1 ? $clog2(INPUT_WORDS) : 1;
  localparam int GROUPS = (INPUT_WORDS * LANES + GROUP - 1) / GROUP;
  localparam int GROUP_BITS = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int TURN_BITS = MAX_TURNS > 1 ? $clog2(MAX_TURNS) : 1;
  localparam int VECTOR = MAX_TURNS * RANKS;
  `BURIN_BIT_LENGTH(bit_length, 32)
  `BURIN_SCALE(scale, 24)

  // ---- memories
  logic [95:0] entries[0:ENTRIES-1];
  logic [LANES*8-1:0] inputs[0:INPUT_WORDS-1];
  logic signed [7:0] exponents[0:GROUPS-1];
  logic signed [7:0] common;
  logic [WORD*8-1:0] word;
  logic [95:0] table_entry;
  logic memory_read, table_read;
  logic [31:0] memory_address;
  logic [11:0] table_index;
  burin_adapter_memory #(.WIDTH(WORD * 8), .DEPTH(WORDS)) sram (
      .clk, .write, .write_address(write_address[WORD_BITS-1:0]), .write_word(write_data), .read(memory_read),
      .address(memory_address[WORD_BITS-1:0]), .word);
  always_ff @(posedge clk) begin
    if (table_write) entries[table_address[ENTRY_BITS-1:0]] <= table_data[95:0];
    if (table_read) table_entry <= entries[table_index[ENTRY_BITS-1:0]];
    if (act_valid) inputs[act_word[INPUT_BITS-1:0]] <= act_data;
    if (act_exp_valid) exponents[act_group[GROUP_BITS-1:0]] <= act_exp;
    if (act_commit) common <= act_common;
  end
  /* verilator lint_off UNUSEDSIGNAL */
  logic unused;
  assign unused = &{1'b0, write_address, memory_address, table_index, table_address, table_data, act_word, act_group,
                    table_entry};
  /* verilator lint_on UNUSEDSIGNAL */

  // ---- control
  typedef enum logic [3:0] {IDLE, TABLE, ENTRY, DOWN, DOWN_DRAIN, LARGEST, SHIFT, ROUND, UP, UP_DRAIN} state_t;
  state_t state;
  logic down;  // which of the two runs
  logic [1:0] matrix;
  logic [15:0] turns, turn, position, sub;
  logic [31:0] address;
  logic [2:0] pause;
  logic up_exponents;  // the word is one of exponents
  logic last_turn, last_position;
  assign busy = state != IDLE;
  assign table_read = state == TABLE;
  assign table_index = down ? entry + 12'(matrix) : entry;
  assign memory_read = state == DOWN || state == UP;
  assign memory_address = address;
  assign last_turn = turn + 16'd1 == turns;
  assign last_position = 32'(position) + 32'(POSITIONS) >= 32'(values);

  always_ff @(posedge clk) begin
    up_absent <= 1'b0;
    down_done <= 1'b0;
    if (reset) state <= IDLE;
    else begin
      case (state)
        TABLE: state <= ENTRY;
        ENTRY: begin
          address <= down ? table_entry[31:0] : table_entry[63:32];
          turns <= table_entry[95:80];
          turn <= 16'd0;
          position <= 16'd0;
          sub <= 16'd0;
          pause <= 3'd0;
          up_exponents <= 1'b1;
          if (table_entry[79:64] != 16'd0) state <= down ? DOWN : UP;
          else if (!down) begin
            up_absent <= 1'b1;
            state <= IDLE;
          end else if (matrix + 2'd1 == count) begin
            down_done <= 1'b1;
            state <= IDLE;
          end else begin
            matrix <= matrix + 2'd1;
            state <= TABLE;
          end
        end
        DOWN: begin
          address <= address + 32'd1;
          turn <= last_turn ? 16'd0 : turn + 16'd1;
          if (last_turn) begin
            position <= position + 16'(POSITIONS);
            if (last_position) state <= DOWN_DRAIN;
          end
        end
        DOWN_DRAIN: begin
          turn <= 16'd0;
          pause <= pause + 3'd1;
          if (pause == 3'd3) state <= LARGEST;
        end
        LARGEST: begin
          turn <= last_turn ? 16'd0 : turn + 16'd1;
          if (last_turn) state <= SHIFT;
        end
        SHIFT: state <= ROUND;
        ROUND: begin
          turn <= turn + 16'd1;
          if (last_turn) begin
            matrix <= matrix + 2'd1;
            state <= TABLE;
            if (matrix + 2'd1 == count) begin
              down_done <= 1'b1;
              state <= IDLE;
            end
          end
        end
        UP: begin
          address <= address + 32'd1;
          up_exponents <= 1'b0;
          if (!up_exponents) begin
            turn <= last_turn ? 16'd0 : turn + 16'd1;
            if (last_turn) begin
              position <= position + 16'(POSITIONS);
              sub <= sub + 16'(POSITIONS);
              if (sub + 16'(POSITIONS) == 16'(WORD)) begin
                sub <= 16'd0;
                up_exponents <= 1'b1;
              end
              if (last_position) state <= UP_DRAIN;
            end
          end
        end
        UP_DRAIN: begin
          pause <= pause + 3'd1;
          if (pause == 3'd3) state <= IDLE;
        end
        default: begin
          matrix <= 2'd0;
          down <= down_start;
          if (down_start | up_start) state <= TABLE;
        end
      endcase
    end
  end

  // ---- down: word, x | products | group sums | shifted, joined
  logic down1, down2, down3, first1, first2, last1, last2, last3, start1, start2, start3;
  logic [TURN_BITS-1:0] turn1, turn2, turn3;
  logic [15:0] position1;
  logic [4:0] shift1, shift2, shift3;
  logic signed [15:0] product[0:WORD-1];
  logic signed [21:0] group_sum[0:VECTOR-1];
  logic signed [31:0] rank_sum[0:VECTOR-1];
  logic [LANES*8-1:0] x_word;
  logic signed [10:0] distance;
  assign distance = 11'(common) - 11'(exponents[GROUP_BITS'(32'(position) / GROUP)]);
  logic signed [21:0] partial;
  logic signed [22:0] rounded;

  // ---- up: word | products | sum over ranks | addition | word of W
  logic up1, up2, up3, up4, exponents1, exponents2, exponents3, tfirst1, tfirst2, tlast1, tlast2, tlast3, end1, end2, end3, end4;
  logic [15:0] sub1, sub2, sub3, place1, place2, place3, place4;
  logic [WORD*8-1:0] beta, beta_next;
  logic signed [23:0] z[0:POSITIONS-1];
  logic signed [23:0] z_sum;
  logic signed [7:0] t[0:3*VECTOR-1];
  logic signed [11:0] t_exponent[0:2];
  logic [31:0] largest, gathered;
  logic [6:0] length;
  logic [4:0] shift;
  logic signed [32:0] rounded_t;
  assign length = bit_length(largest);
  logic signed [31:0] addition[0:POSITIONS-1];

  /* verilator lint_off BLKSEQ */
  always_ff @(posedge clk) begin
    if (reset) begin
      {down1, down2, down3} <= 3'd0;
      {up1, up2, up3, up4} <= 4'd0;
      {exponents2, exponents3} <= 2'd0;
      out_valid <= 1'b0;
    end else begin
      // Stages from the last to the first; `partial`, `rounded` and `z_sum` are wires.
      out_valid <= 1'b0;
      if (up4) begin
        if (place4 == 16'd0) out_word <= '0;  // lanes beyond the last output stay zero
        for (int p = 0; p < POSITIONS; p++) out_word[(32'(place4)+p)*32+:32] <= addition[p];
        out_valid <= end4 | (32'(place4) + POSITIONS == LANES);
      end
      up4 <= up3 & tlast3;
      end4 <= end3;
      place4 <= place3;
      if (up3 && tlast3) begin
        for (int p = 0; p < POSITIONS; p++) begin
          addition[p] <= scale(z[p], t_exponent[slot] + 12'($signed(beta[(32'(sub3)+p)*8+:8])) + fraction);
        end
      end
      up3 <= up2;
      tlast3 <= tlast2;
      end3 <= end2;
      sub3 <= sub2;
      place3 <= place2;
      if (up2) begin
        for (int p = 0; p < POSITIONS; p++) begin
          z_sum = tfirst2 ? 24'sd0 : z[p];
          for (int l = 0; l < RANKS; l++) z_sum = z_sum + 24'(product[p*RANKS+l]);
          z[p] <= z_sum;
        end
      end
      up2 <= up1 & ~exponents1;
      tfirst2 <= tfirst1;
      tlast2 <= tlast1;
      end2 <= end1;
      sub2 <= sub1;
      place2 <= place1;
      if (up1 && !exponents1) begin
        for (int p = 0; p < POSITIONS; p++) begin
          for (int l = 0; l < RANKS; l++) begin
            product[p*RANKS+l] <= 16'($signed(word[(p*RANKS+l)*8+:8])) * 16'(t[32'(slot)*VECTOR+32'(turn1)*RANKS+l]);
          end
        end
      end
      // Exponents take the pipe, so that outputs before them still see theirs.
      if (exponents3) beta <= beta_next;
      exponents3 <= exponents2;
      exponents2 <= up1 & exponents1;
      if (up1 && exponents1) beta_next <= word;
      up1 <= state == UP;
      exponents1 <= up_exponents;
      tfirst1 <= turn == 16'd0;
      tlast1 <= last_turn;
      end1 <= last_position;
      sub1 <= sub;
      place1 <= position % 16'(LANES);

      // Rank vector.
      if (state == SHIFT) shift <= length > 7'd7 ? 5'(length - 7'd7) : 5'd0;
      if (state == LARGEST) begin
        gathered = turn == 16'd0 ? 32'd0 : largest;
        for (int l = 0; l < RANKS; l++) begin
          gathered = gathered | magnitude(rank_sum[32'(turn)*RANKS+l]);
        end
        largest <= gathered;
      end
      if (state == ROUND) begin
        t_exponent[matrix] <= 12'(common) + $signed({7'd0, shift});
        for (int l = 0; l < RANKS; l++) begin
          rounded_t = (33'(rank_sum[32'(turn)*RANKS+l]) + $signed((33'd1 << shift) >> 1)) >>> shift;
          t[32'(matrix)*VECTOR+32'(turn)*RANKS+l] <=
              rounded_t > 33'sd127 ? 8'sd127 : rounded_t < -33'sd127 ? -8'sd127 : rounded_t[7:0];
        end
      end

      // Down.
      if (down3 && last3) begin
        for (int l = 0; l < RANKS; l++) begin
          rounded = 23'((32'(group_sum[32'(turn3)*RANKS+l]) + $signed((32'd1 << shift3) >> 1)) >>> shift3);
          rank_sum[32'(turn3)*RANKS+l] <= (start3 ? 32'sd0 : rank_sum[32'(turn3)*RANKS+l]) + 32'(rounded);
        end
      end
      down3 <= down2;
      last3 <= last2;
      start3 <= start2;
      turn3 <= turn2;
      shift3 <= shift2;
      if (down2) begin
        for (int l = 0; l < RANKS; l++) begin
          partial = first2 ? 22'sd0 : group_sum[32'(turn2)*RANKS+l];
          for (int p = 0; p < POSITIONS; p++) partial = partial + 22'(product[p*RANKS+l]);
          group_sum[32'(turn2)*RANKS+l] <= partial;
        end
      end
      down2 <= down1;
      first2 <= first1;
      last2 <= last1;
      start2 <= start1;
      turn2 <= turn1;
      shift2 <= shift1;
      if (down1) begin
        for (int p = 0; p < POSITIONS; p++) begin
          for (int l = 0; l < RANKS; l++) begin
            product[p*RANKS+l] <=
                16'($signed(word[(p*RANKS+l)*8+:8])) * 16'($signed(x_word[(32'(position1)%LANES+p)*8+:8]));
          end
        end
      end
      down1 <= state == DOWN;
      turn1 <= turn[TURN_BITS-1:0];
      position1 <= position;
      if (state == DOWN) x_word <= inputs[INPUT_BITS'(32'(position) / LANES)];
      first1 <= 32'(position) % GROUP == 0;
      last1 <= 32'(position) % GROUP + POSITIONS == GROUP || last_position;
      start1 <= 32'(position) / GROUP == 0;
      shift1 <= distance > 11'sd31 ? 5'd31 : distance[4:0];
    end
  end
  /* verilator lint_on BLKSEQ */
  function automatic logic [31:0] magnitude(input logic signed [31:0] v);
    magnitude = v < 0 ? ~v + 32'd1 : v;
  endfunction
endmodule

`default_nettype wire
