// burin mask: layouts of the ROM.
#include <memory>

#include "base/mapped_file.h"
#include "base/philox.h"
#include "cli/app.h"
#include "cli/console.h"
#include "mask/bank.h"
#include "mask/gdsii_writer.h"

