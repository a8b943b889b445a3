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
  std::vector<std::size_t> since_comma{0};  // in each of the open parentheses
  std::size_t here = 0, deepest = 0;
  for (std::size_t i = 0; i < tokens->n_tokens; ++i) {
    switch (tokens->tokens[i]->token) {
      case PG_QUERY__TOKEN__ASCII_40:  // (
      case PG_QUERY__TOKEN__ASCII_91:  // [
        since_comma.push_back(1);
        ++here;
        break;
      case PG_QUERY__TOKEN__ASCII_41:  // )
      case PG_QUERY__TOKEN__ASCII_93:  // ]
        if (since_comma.size() > 1) {
          here -= since_comma.back();
          since_comma.pop_back();
        }
        break;
      case PG_QUERY__TOKEN__ASCII_44:  // ,
      case PG_QUERY__TOKEN__ASCII_59:  // ;
        here -= since_comma.back();
        since_comma.back() = 0;
        break;
      default:
        ++since_comma.back();
        ++here;
    }
    deepest = std::max(deepest, here);
  }
  return deepest;
}

}  // namespace pgphase::tree
