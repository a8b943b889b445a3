#include "plans/sql/nesting.hpp"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

namespace pgphase::tree {
namespace {

struct FreeScan {
  void operator()(PgQueryScanResult* result) const {
    pg_query_free_scan_result(*result);
    delete result;
  }
};

struct FreeTokens {
  void operator()(PgQuery__ScanResult* tokens) const { pg_query__scan_result__free_unpacked(tokens, nullptr); }
};

}  // namespace

std::size_t deepest_nesting(const std::string& sql) {
  constexpr auto k_unknown = std::numeric_limits<std::size_t>::max();
  const std::unique_ptr<PgQueryScanResult, FreeScan> scan(new PgQueryScanResult(pg_query_scan(sql.c_str())));
  if (scan->error) return k_unknown;
  const std::unique_ptr<PgQuery__ScanResult, FreeTokens> tokens(
      pg_query__scan_result__unpack(nullptr, scan->pbuf.len, reinterpret_cast<const std::uint8_t*>(scan->pbuf.data)));
  if (!tokens) return k_unknown;
  struct Level {
    std::size_t since_comma = 0;
    bool of_case = false;
  };
  std::vector<Level> levels(1);
  std::size_t here = 0, deepest = 0;
  const auto close = [&] {
    here -= levels.back().since_comma;
    levels.pop_back();
  };
  const auto next_item = [&] {
    here -= levels.back().since_comma;
    levels.back().since_comma = 0;
  };
  for (std::size_t i = 0; i < tokens->n_tokens; ++i) {
    const auto token = tokens->tokens[i]->token;
    if (token == PG_QUERY__TOKEN__ASCII_40 || token == PG_QUERY__TOKEN__ASCII_91 || token == PG_QUERY__TOKEN__CASE) {
      levels.push_back({1, token == PG_QUERY__TOKEN__CASE});
      ++here;
    } else if (token == PG_QUERY__TOKEN__ASCII_41 || token == PG_QUERY__TOKEN__ASCII_93) {
      while (levels.size() > 1 && levels.back().of_case) close();
      if (levels.size() > 1) close();
    } else if (token == PG_QUERY__TOKEN__END_P && levels.back().of_case) {
      close();
    } else if (token == PG_QUERY__TOKEN__ASCII_44 || token == PG_QUERY__TOKEN__ASCII_59 ||
               (token == PG_QUERY__TOKEN__WHEN && levels.back().of_case)) {
      next_item();
    } else {
      ++levels.back().since_comma;
      ++here;
    }
    deepest = std::max(deepest, here);
  }
  return deepest;
}

}  // namespace pgphase::tree
