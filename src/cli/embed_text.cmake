# cmake -DINPUT=FILE -DOUTPUT=FILE.cc -P embed_text.cmake: the bytes of a text as an array.
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "namespace burin {
extern const unsigned char kBuiltInCalibration[];
extern const unsigned long kBuiltInCalibrationSize;
const unsigned char kBuiltInCalibration[] = {${bytes}0};
const unsigned long kBuiltInCalibrationSize = ${size};
}  // namespace burin
")
