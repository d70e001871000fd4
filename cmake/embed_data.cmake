# cmake -DROOT=FOLDER -DFILES=a;b -DOUTPUT=FILE.cc [-DFUNCTION=NAME -DHEADER=FILE.h] -P embed_data.cmake: the bytes of
# files below ROOT as a table of names and contents (src/fabric/data_files.h), which FUNCTION of HEADER returns.
if(NOT FUNCTION)
  set(FUNCTION BuiltInFiles)
  set(HEADER fabric/data_files.h)
endif()
set(arrays "")
set(table "")
set(index 0)
foreach(name ${FILES})
  file(READ ${ROOT}/${name} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "const unsigned char kFile${index}[] = {${bytes}0};\n")
  string(APPEND table "    {\"${name}\", kFile${index}, ${size}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"${HEADER}\"

namespace burin {
namespace {
${arrays}
const BuiltInFile kFiles[] = {
${table}};
}  // namespace

std::span<const BuiltInFile> ${FUNCTION}() { return kFiles; }

}  // namespace burin
")
