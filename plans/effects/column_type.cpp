// ALTER COLUMN … TYPE: whether the rows and the indexes are written again follows from the old type and the new one, as
// ATColumnChangeRequiresRewrite and CheckIndexCompatible tell it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/effects/reading.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;

bool is_one_of(const std::string& name, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

// A modifier that lets everything through that the old one did. `absent`: none is the widest.
bool widens(const SqlType& from, const SqlType& to) {
  if (to.modifiers.empty()) return true;
  if (from.modifiers.empty()) return false;
  return to.modifiers[0] >= from.modifiers[0];
}

struct Conversion {
  Answer rewrite = Answer::yes;
  Answer index = Answer::yes;  // built again, where the rows are kept
};

Conversion kept() {
  return {Answer::no, Answer::no};
}

// The domain's own type, where it is one.
SqlType undomained(const SqlType& type, const Known& known) {
  const auto found = known.domains.find(type.name);
  if (found == known.domains.end()) return type;
  const auto base = type_of(found->second.base);
  return base ? undomained(*base, known) : type;
}

Conversion conversion(const SqlType& before, const SqlType& after, const Known& known) {
  if (constrained(after, known) == Answer::yes) return {};
  const SqlType from = undomained(before, known);
  const SqlType to = undomained(after, known);
  const std::string& a = from.name.name;
  const std::string& b = to.name.name;
  if (from.array != to.array) return {};
  if (from.name == to.name && from.modifiers == to.modifiers) return kept();
  if (from.own() || to.own()) {
    return from.name == to.name ? Conversion{} : Conversion{Answer::unknown, Answer::unknown};
  }
  if (from.array)
    return is_one_of(a, {"varchar", "text"}) && is_one_of(b, {"varchar", "text"}) && widens(from, to) ? kept()
                                                                                                      : Conversion{};
  const bool strings = is_one_of(a, {"varchar", "text"}) && is_one_of(b, {"varchar", "text"});
  if (strings) return widens(from, to) ? kept() : Conversion{};
  if (a == "numeric" && b == "numeric") {
    if (to.modifiers.empty()) return kept();
    const auto scale = [](const SqlType& type) { return type.modifiers.size() > 1 ? type.modifiers[1] : 0; };
    const bool wider = !from.modifiers.empty() && to.modifiers[0] >= from.modifiers[0] && scale(from) == scale(to);
    return wider ? kept() : Conversion{};
  }
  if (a == b && is_one_of(a, {"timestamp", "timestamptz", "time", "timetz", "varbit"})) {
    return widens(from, to) || (a != "varbit" && to.modifiers[0] >= 6) ? kept() : Conversion{};
  }
  if (a == "interval" && b == "interval") return {Answer::unknown, Answer::unknown};  // it depends on the fields too
  // No conversion where the zone is UTC, and there only.
  if (is_one_of(a, {"timestamp", "timestamptz"}) && is_one_of(b, {"timestamp", "timestamptz"})) {
    if (!widens(from, to)) return {};
    return {!known.utc ? Answer::unknown : *known.utc ? Answer::no : Answer::yes, Answer::yes};
  }
  if (a == "cidr" && b == "inet") return kept();
  if (a == "xml" && is_one_of(b, {"text", "varchar"}) && to.modifiers.empty()) return kept();
  if (a == "bit" && b == "varbit" && to.modifiers.empty()) return {Answer::no, Answer::yes};
  if (a == "varbit" && b == "bit") return {};
  if (is_one_of(a, {"text", "varchar"}) && b == "bpchar" && to.modifiers.empty()) return {Answer::no, Answer::yes};
  if (is_one_of(a, {"int4", "oid"}) && is_one_of(b, {"int4", "oid"})) return {Answer::no, Answer::yes};
  if (is_one_of(a, {"regclass", "regproc", "regtype"}) || is_one_of(b, {"regclass", "regproc", "regtype"})) {
    return {Answer::unknown, Answer::unknown};
  }
  return {};
}

// USING with nothing but the column, or a cast of it, converts as the types do.
bool converts_by_itself(const json::object& definition, const std::string& column) {
  if (!definition.contains("raw_default")) return true;
  const json::value* expression = &definition.at("raw_default");
  if (tree::tag_of(*expression) == "TypeCast") {
    const auto& cast = tree::body_of(*expression);
    const auto* type = tree::object(cast, "typeName");
    const auto* wanted = tree::object(definition, "typeName");
    if (!type || !wanted || !cast.contains("arg")) return false;
    const SqlType one = type_of(*type);
    const SqlType other = type_of(*wanted);
    if (one.name != other.name || one.modifiers != other.modifiers || one.array != other.array) return false;
    expression = &cast.at("arg");
  }
  if (tree::tag_of(*expression) != "ColumnRef") return false;
  const auto parts = tree::names(tree::body_of(*expression).at("fields"));
  return !parts.empty() && parts.back() == column;
}

bool contains(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

}  // namespace

LockMode change_type(Reading& r, Subcommand& s) {
  const std::string column(tree::text(s.command, "name"));
  r.out.actions.push_back({ActionKind::change_type, s.table, column});
  s.note = "may rewrite the table and its indexes: it depends on the types";
  const auto& definition = tree::body_of(s.command.at("def"));
  const auto* wanted = tree::object(definition, "typeName");
  const auto* table = r.find(s.table);
  const auto known = table ? table->columns.find(column) : decltype(table->columns.find(column)){};
  const bool has_old = table && known != table->columns.end() && !known->second.type.empty();
  Conversion cost{Answer::unknown, Answer::unknown};
  if (!converts_by_itself(definition, column)) {
    cost = {};
  } else if (wanted && has_old) {
    if (const auto old = type_of(known->second.type)) cost = conversion(*old, type_of(*wanted), r.known);
    if (definition.contains("collClause") && cost.rewrite == Answer::no) cost.index = Answer::unknown;
  }
  if (cost.rewrite == Answer::unknown) {
    r.asks(has_old ? fmt::format("whether {} converts without a change", column)
                   : fmt::format("the type that column {} of {} has", column, s.table.name));
  }
  const char* id = cost.rewrite == Answer::yes       ? "change-type-rewrite"
                   : cost.rewrite == Answer::unknown ? "change-type-unknown"
                                                     : "change-type-kept";
  r.rule(id, s.table, column);
  auto& held = r.on(s.table, ael);
  held.rewrite = std::max(held.rewrite, cost.rewrite);
  held.scan = std::max(held.scan, cost.rewrite);
  if (cost.rewrite != Answer::yes) {
    // Its indexes stay where the operators do, and its checks are looked at again whatever happens.
    Answer build = Answer::unknown;
    Answer scan = Answer::unknown;
    if (table && table->complete) {
      build = scan = Answer::no;
      for (const auto& [name, index] : table->indexes) {
        if (contains(index.columns, column)) build = std::max(build, index.computes ? Answer::yes : cost.index);
      }
      for (const auto& [name, constraint] : table->constraints) {
        const bool check = constraint.kind == KnownConstraint::Kind::check;
        if (check && contains(constraint.columns, column) && constraint.validated.value_or(true)) scan = Answer::yes;
      }
    } else {
      r.asks(fmt::format("which indexes and checks column {} of {} has", column, s.table.name));
    }
    held.index_build = std::max(held.index_build, build);
    held.scan = std::max({held.scan, scan, build});
  }
  if (has_old) refused_for(r, s.table, column, known->second);
  // A foreign key over the column is made again, on both sides.
  if (table) {
    for (const auto& [name, constraint] : table->constraints) {
      if (constraint.kind != KnownConstraint::Kind::foreign_key || !contains(constraint.columns, column)) continue;
      auto& to = r.on(constraint.references, ael);
      to.scan = std::max(to.scan, cost.rewrite);
    }
  }
  for (const auto& [name, other] : r.known.relations) {
    for (const auto& [key, constraint] : other.constraints) {
      if (constraint.kind != KnownConstraint::Kind::foreign_key || constraint.references != s.table) continue;
      if (!contains(constraint.keys, column)) continue;
      auto& from = r.on(name, ael);
      from.scan = std::max(from.scan, cost.rewrite);
    }
  }
  if (!table || !table->complete) {
    r.unnamed(fmt::format("each table that a foreign key ties to column {} of {}", column, s.table.name), ael).scan =
        Answer::unknown;
    r.asks(fmt::format("which foreign keys column {} of {} is part of", column, s.table.name));
  }
  return ael;
}

}  // namespace pgphase::effects
