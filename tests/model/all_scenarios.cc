#include "tests/model/scenarios.h"

namespace holdfast::model {

Entries AllScenarios() {
  Entries all;
  for (const Entries& some :
       {ValueScenarios(), EndScenarios(), PoolScenarios(), FreeSlotScenarios(),
        ThreadScenarios(), FullTableScenarios(), LeftMidwayScenarios(),
        StockScenarios(), ObjectScenarios()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace holdfast::model
