#include "run_soak.h"

#include <cstddef>

#include "config.h"
#include "holdfast/handle_table.h"
#include "holdfast/traits.h"
#include "linearizability/linearizability_run.h"
#include "payload.h"
#include "report.h"
#include "soak.h"

namespace holdfast::stress {
namespace {

template <int kBits>
struct SoakTraits : DefaultTraits {
  static constexpr int kGenerationBits = kBits;
};

template <size_t kBytes, int kBits>
Verdict Run(const Config& config) {
  using Table = HandleTable<Payload<kBytes>, SoakTraits<kBits>>;
  if (config.check == kLinearizability) {
    return LinearizabilityRun<Table>(config).Run();
  }
  return Soak<Table>(config).Run();
}

}  // namespace

template <size_t kBytes>
Verdict RunSoak(const Config& config) {
  switch (config.generation_bits) {
    case 3:
      return Run<kBytes, 3>(config);
    case 8:
      return Run<kBytes, 8>(config);
    default:
      return Run<kBytes, 32>(config);
  }
}

template Verdict RunSoak<HOLDFAST_STRESS_VALUE_BYTES>(const Config& config);

}  // namespace holdfast::stress
