#include "quant/quantized_model.h"

namespace burin {

std::vector<const PackedMatrix*> MatricesIn(const QuantizedModel& model) {
  std::vector<const PackedMatrix*> list = {&model.embedding};
  for (const QuantizedLayer& l : model.layers) {
    list.insert(list.end(), {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down});
  }
  if (!model.config.tied_head) list.push_back(&model.head);
  return list;
}

}  // namespace burin
