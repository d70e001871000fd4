# cmake -DINPUT=FILE -DOUTPUT=FILE.cc -DNAME=kName -P embed_text.cmake: the bytes of a text as burin::kName[kNameSize].
file(READ ${INPUT} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUTPUT} "namespace burin {
extern const unsigned char ${NAME}[];
extern const unsigned long ${NAME}Size;
const unsigned char ${NAME}[] = {${bytes}0};
const unsigned long ${NAME}Size = ${size};
}  // namespace burin
")
