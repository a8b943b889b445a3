// Types: enumerations and domains.
#include <fmt/format.h>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

// A condition of the domain is looked for in every table with a column of it, while their writers wait.
void every_table_with_it(Reading& r, const TableName& domain, Answer reads) {
  bool known = false;
  if (r.known.catalogue) {
    known = true;
    for (const auto& [name, relation] : r.known.relations) {
      if (relation.kind != RelationKind::table) continue;
      for (const auto& [column, is] : relation.columns) {
        const auto type = type_of(is.type);
        if (!type || type->name != domain || type->array) continue;
        auto& held = r.on(name, LockMode::share);
        held.scan = reads;
      }
    }
  }
  if (known) return;
  auto& each = r.unnamed(fmt::format("each table with a column of the domain {}", domain.name), LockMode::share);
  each.scan = reads;
  r.asks(fmt::format("which tables have a column of the domain {}", domain.name));
}

void alter_domain(Reading& r) {
  const auto parts = tree::names(r.node.at("typeName"));
  const TableName domain = tree::table_name(parts);
  const auto subtype = tree::text(r.node, "subtype");
  if (subtype == "C") {  // ADD CONSTRAINT
    const bool not_valid = tree::flag(tree::body_of(r.node.at("def")), "skip_validation");
    r.rule(not_valid ? "add-domain-check-not-valid" : "add-domain-check", domain);
    r.out.note = not_valid ? "no table is locked" : "scans each table with a column of the domain while writers wait";
    if (!not_valid) every_table_with_it(r, domain, Answer::yes);
  } else if (subtype == "V") {
    r.rule("validate-domain-check", domain);
    r.out.note = "scans each table with a column of the domain while writers wait";
    every_table_with_it(r, domain, Answer::yes);
  } else if (subtype == "O") {
    r.rule("domain-not-null", domain);
    r.out.note = "scans each table with a column of the domain while writers wait";
    every_table_with_it(r, domain, Answer::yes);
  } else {
    r.rule("alter-domain", domain);
    r.out.note = "no table is locked";
    if (subtype != "T" || !r.node.contains("def")) r.out.loss = Loss::definition;
  }
}

}  // namespace

bool types(Reading& r) {
  if (r.raw.tag == "AlterEnumStmt") {
    const bool renames = r.node.contains("oldVal");
    r.rule(renames ? "rename-enum-value" : "add-enum-value");
    r.out.note = "no table is locked";
    if (!renames) r.out.loss = Loss::definition;
    return true;
  }
  if (r.raw.tag != "AlterDomainStmt") return false;
  alter_domain(r);
  return true;
}

}  // namespace pgphase::effects
