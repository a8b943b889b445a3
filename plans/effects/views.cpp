// Views and materialized views.
#include <fmt/format.h>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {

bool views(Reading& r) {
  if (r.raw.tag == "RefreshMatViewStmt") {
    const auto* relation = tree::object(r.node, "relation");
    const TableName name = relation ? tree::table_name(*relation) : TableName{};
    const bool concurrently = tree::flag(r.node, "concurrent");
    r.rule(concurrently ? "refresh-concurrently" : "refresh", name);
    r.out.note = concurrently ? "readers go on; its tables are read for as long as it takes"
                              : "readers wait for as long as the query takes";
    auto& view =
        r.on(name, concurrently ? LockMode::exclusive : LockMode::access_exclusive, RelationKind::materialized_view);
    if (concurrently) {
      view.changes_rows = true;
      view.scan = Answer::yes;
    } else {
      view.rewrite = Answer::yes;
    }
    auto& sources = r.unnamed(fmt::format("each table that {} is made from", name.name), LockMode::access_share);
    sources.scan = Answer::unknown;
    r.asks(fmt::format("which tables {} is made from", name.name));
    return true;
  }
  if (r.raw.tag != "ViewStmt") return false;
  const auto* view = tree::object(r.node, "view");
  const TableName name = view ? tree::table_name(*view) : TableName{};
  r.out.note = "no table is locked";
  if (const auto* query = tree::object(r.node, "query")) r.reads(*query);
  if (tree::flag(r.node, "replace")) {
    r.rule("replace-view", name);
    const auto* known = r.find(name);
    if (known) {
      r.on(name, LockMode::access_exclusive, RelationKind::view);
    } else if (!r.known.catalogue) {
      r.on(name, LockMode::access_exclusive, RelationKind::view).lock_unsure = true;
      r.asks(fmt::format("whether {} exists", name.name));
    }
  } else {
    r.rule("create-view", name);
  }
  return true;
}

}  // namespace pgphase::effects
