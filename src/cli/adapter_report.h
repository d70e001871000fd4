// What an adapter is and what it takes in a chip's adapter memory, for people and machines.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/console.h"
#include "fabric/chip_spec.h"
#include "quant/adapter.h"

namespace burin {

// A few lines of `run --json` and others.
Json AdapterJson(const Adapter& adapter, const std::string& path);

// The report of `inspect --adapter`; `chip` null: none was named.
std::string DescribeAdapter(const Adapter& adapter, const std::string& path, const ChipSpec* chip);
Json AdapterReportJson(const Adapter& adapter, const std::string& path, const ChipSpec* chip);

}  // namespace burin
