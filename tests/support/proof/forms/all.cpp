#include <iterator>

#include "tests/support/proof/forms/forms.hpp"

namespace pgphase::testing::proof {

const std::vector<Form>& all_forms() {
  static const std::vector<Form> all = [] {
    std::vector<Form> out;
    for (const auto family : {column_forms, type_forms, constraint_forms, index_forms, table_forms, partition_forms,
                              object_forms, definition_forms, row_forms, other_forms}) {
      auto forms = family();
      std::move(forms.begin(), forms.end(), std::back_inserter(out));
    }
    return out;
  }();
  return all;
}

}  // namespace pgphase::testing::proof
