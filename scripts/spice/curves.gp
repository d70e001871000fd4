# docs/pictures/rom_column_curves.png: waves of one read, and delay against rows from the measurements.
#
#   scripts/spice/column.py --models sky130 --cards FOLDER --rows 256 --bias 0.8 --keep waves
#   gnuplot -e "waves='waves/sky130_256_full.dat'" scripts/spice/curves.gp
set terminal pngcairo size 1100,420 font "Sans,10"
set output "docs/pictures/rom_column_curves.png"
set multiplot layout 1,2
set title "One read, sky130, 256 rows on one line (worst case)"
set xlabel "ns"; set ylabel "V"; set key right center; set grid
plot [16:30] waves u ($1*1e9):2 w l lw 2 t "word line", "" u ($1*1e9):4 w l lw 2 t "selected line", \
  "" u ($1*1e9):6 w l lw 2 t "neighbour line", "" u ($1*1e9):8 w l lw 2 t "last line of the column", \
  "" u ($1*1e9):10 w l lw 2 t "far line", "" u ($1*1e9):12 w l lw 2 t "select out"
set title "Word line to select, against rows"
set xlabel "rows"; set ylabel "ns"; set key left top
# Rows and delays of one load of a file of measurements.
reads(name, load) = sprintf("< awk '$1 == \"rows\" {r = $3} $1 == \"load\" {l = $3} $1 == \"delay_ns\" && l == \"\\\"%s\\\"\" {print r, $3}' data/measurements/%s.toml", load, name)
plot reads("column_sky130_16", "full") w lp lw 2 t "sky130, all cells on one line", \
  reads("column_sky130_16", "even") w lp lw 2 t "sky130, even codes", \
  reads("column_freepdk45_16", "full") w lp lw 2 t "45 nm, all cells on one line", \
  reads("column_freepdk45_16", "even") w lp lw 2 t "45 nm, even codes"
