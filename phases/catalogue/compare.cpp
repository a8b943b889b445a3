#include "phases/catalogue/compare.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Objects = std::map<CatalogueObject, Facts>;
using Kind = Difference::Kind;

constexpr const char* k_relation_kinds[] = {"table", "view", "materialized view", "foreign table", "composite type"};

std::string fact(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  return found == facts.end() ? std::string() : found->second;
}

bool is_relation(const std::string& kind) {
  return std::find(std::begin(k_relation_kinds), std::end(k_relation_kinds), kind) != std::end(k_relation_kinds);
}

// "priority" of column "public.tasks.priority".
std::string own_name(const CatalogueObject& object, const std::string& table) {
  return object.name.starts_with(table + ".") ? object.name.substr(table.size() + 1) : object.name;
}

std::string table_of(const CatalogueObject& object, const Facts& facts) {
  return is_relation(object.kind) ? object.name : fact(facts, "table");
}

// What an object comes and goes with: when that is missing or added too, it alone is told.
std::vector<CatalogueObject> goes_with(const CatalogueObject& object, const Facts& facts, const Objects& all) {
  std::vector<CatalogueObject> with;
  const auto table = fact(facts, "table");
  if (table.empty()) return with;
  for (const auto* kind : k_relation_kinds) with.push_back({kind, table});
  if (object.kind == "index") {
    with.push_back({"index", fact(facts, "attached to")});
    // The index of a constraint bears its name.
    const auto dot = object.name.rfind('.');
    with.push_back({"constraint", table + object.name.substr(dot)});
  }
  if (object.kind == "sequence") with.push_back({"column", fact(facts, "owned by")});
  if (object.kind == "column" || object.kind == "constraint") {
    const auto on = all.find({"table", table});
    if (on == all.end()) return with;
    for (const auto* relation : {"partition of", "inherits"}) {
      with.push_back({object.kind, fact(on->second, relation) + "." + own_name(object, table)});
    }
  }
  return with;
}

// Objects of `from` that `other` does not have.
std::set<CatalogueObject> only_in(const Objects& from, const Objects& other) {
  std::set<CatalogueObject> only;
  for (const auto& [object, facts] : from) {
    if (!other.contains(object)) only.insert(object);
  }
  return only;
}

void one_sided(const Objects& from, const Objects& other, Kind kind, std::vector<Difference>& differences) {
  const auto only = only_in(from, other);
  for (const auto& object : only) {
    const auto& facts = from.at(object);
    const auto with = goes_with(object, facts, from);
    if (std::any_of(with.begin(), with.end(), [&](const auto& owner) { return only.contains(owner); })) continue;
    differences.push_back({kind, object, "", "", "", table_of(object, facts)});
  }
}

// A place is worth telling only when columns that are there on both sides changed their order: column_order does.
void changed(const CatalogueObject& object, const Facts& before, const Facts& after,
             std::vector<Difference>& differences) {
  std::set<std::string> names;
  for (const auto& [name, text] : before) names.insert(name);
  for (const auto& [name, text] : after) names.insert(name);
  for (const auto& name : names) {
    if (name == "place" || (name == "table" && object.kind == "sequence")) continue;  // "owned by" says it
    const auto was = fact(before, name), is = fact(after, name);
    if (was != is) differences.push_back({Kind::changed, object, name, was, is, table_of(object, after)});
  }
}

using Order = std::map<std::string, std::map<int, std::string>>;  // table -> place -> column

Order order_of(const Objects& objects, const Objects& other) {
  Order order;
  for (auto it = objects.lower_bound({"column", ""}); it != objects.end() && it->first.kind == "column"; ++it) {
    const auto table = fact(it->second, "table");
    if (!other.contains(it->first)) continue;
    order[table][std::atoi(fact(it->second, "place").c_str())] = own_name(it->first, table);
  }
  return order;
}

std::string listed(const std::map<int, std::string>& columns) {
  std::string list;
  for (const auto& [place, name] : columns) list += (list.empty() ? "" : ", ") + name;
  return list;
}

void column_order(const Objects& before, const Objects& after, std::vector<Difference>& differences) {
  const auto was = order_of(before, after), is = order_of(after, before);
  for (const auto& [table, columns] : was) {
    const auto now = is.find(table);
    if (now == is.end() || listed(columns) == listed(now->second)) continue;
    for (const auto* kind : k_relation_kinds) {
      const CatalogueObject object{kind, table};
      if (after.contains(object)) {
        differences.push_back({Kind::changed, object, "order of columns", listed(columns), listed(now->second), table});
      }
    }
  }
}

// A change of a partitioned table's column or constraint is made in every partition; it is told once.
void without_echoes(const Objects& after, std::vector<Difference>& differences) {
  using Change = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  const auto change = [](const Difference& difference, const std::string& name) {
    return Change(difference.object.kind, name, difference.fact, difference.was, difference.is);
  };
  std::set<Change> told;
  for (const auto& difference : differences) {
    if (difference.kind == Kind::changed) told.insert(change(difference, difference.object.name));
  }
  std::erase_if(differences, [&](const Difference& difference) {
    if (difference.kind != Kind::changed ||
        (difference.object.kind != "column" && difference.object.kind != "constraint")) {
      return false;
    }
    const auto table = after.find({"table", difference.table});
    if (table == after.end()) return false;
    for (const auto* relation : {"partition of", "inherits"}) {
      const auto parent = fact(table->second, relation) + "." + own_name(difference.object, difference.table);
      if (told.contains(change(difference, parent))) return true;
    }
    return false;
  });
}

void rows(const Snapshot& before, const Snapshot& after, std::vector<Difference>& differences) {
  for (const auto& [table, was] : before.rows) {
    const auto is = after.rows.find(table);
    if (is == after.rows.end() || is->second == was) continue;
    const auto name = qualified(table);
    const bool counted = was.rows != is->second.rows;
    differences.push_back({Kind::changed,
                           {"rows", name},
                           counted ? "rows" : "checksum",
                           counted ? std::to_string(was.rows) : was.checksum,
                           counted ? std::to_string(is->second.rows) : is->second.checksum,
                           name});
  }
}

// Numbers that were given out are not given out again, whatever was rolled back: going on is right, going back is not.
bool has_gone_back(const SequencePosition& was, const SequencePosition& is) {
  if (!was.called || was.ascends != is.ascends) return false;
  if (was.last == is.last) return !is.called;
  return (is.last < was.last) == was.ascends;
}

void sequences(const Snapshot& before, const Snapshot& after, std::vector<Difference>& differences) {
  for (const auto& [sequence, was] : before.sequences) {
    const auto is = after.sequences.find(sequence);
    if (is == after.sequences.end() || !has_gone_back(was, is->second)) continue;
    const CatalogueObject object{"sequence", qualified(sequence)};
    const auto facts = after.objects.find(object);
    differences.push_back({Kind::changed, object, "last value", std::to_string(was.last),
                           is->second.called ? std::to_string(is->second.last) : "",
                           facts == after.objects.end() ? "" : table_of(object, facts->second)});
  }
}

}  // namespace

std::vector<Difference> compare(const Snapshot& before, const Snapshot& after) {
  std::vector<Difference> differences;
  one_sided(before.objects, after.objects, Kind::missing, differences);
  one_sided(after.objects, before.objects, Kind::added, differences);
  for (const auto& [object, facts] : before.objects) {
    const auto now = after.objects.find(object);
    if (now != after.objects.end()) changed(object, facts, now->second, differences);
  }
  column_order(before.objects, after.objects, differences);
  without_echoes(after.objects, differences);
  rows(before, after, differences);
  sequences(before, after, differences);
  std::sort(differences.begin(), differences.end(), [](const Difference& a, const Difference& b) {
    return std::tie(a.table, a.object, a.fact) < std::tie(b.table, b.object, b.fact);
  });
  return differences;
}

}  // namespace pgphase
