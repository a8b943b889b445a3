// Differences as people and programs read them.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "phases/catalogue/compare.hpp"
#include "plans/base/one_line.hpp"

namespace pgphase {
namespace {

constexpr std::size_t k_whole = 120;   // two texts up to this long are told as they are
constexpr std::size_t k_before = 20;   // of longer ones: so much in front of the first difference …
constexpr std::size_t k_excerpt = 80;  // … and so much in all

// "tasks" for "public.tasks": public goes without saying.
std::string shown(const std::string& name) {
  return name.starts_with("public.") ? name.substr(7) : name;
}

std::string named(const Difference& difference) {
  const auto& [kind, name] = difference.object;
  const auto& table = difference.table;
  if (name.empty()) return kind;  // the database itself
  if (table.empty() || table == name) return fmt::format("{} {}", kind, shown(name));
  if (kind == "column") return fmt::format("column {}", shown(name));
  const bool within = name.starts_with(table + ".");
  return fmt::format("{} {} on {}", kind, within ? name.substr(table.size() + 1) : shown(name), shown(table));
}

// What it means that a fact is not there.
std::string nothing(const std::string& fact) {
  if (fact == "grants to PUBLIC" || fact == "grants to the owner") return "the default";
  if (fact.starts_with("table ") || fact.starts_with("schema ")) return "not in it";  // a publication
  return "none";
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// At the start of a UTF-8 character.
std::size_t whole_characters(const std::string& text, std::size_t at) {
  while (at > 0 && at < text.size() && continues_character(text[at])) --at;
  return at;
}

std::string excerpt(const std::string& text, std::size_t differs_at) {
  const auto from = whole_characters(text, differs_at < k_before ? 0 : std::min(differs_at, text.size()) - k_before);
  const auto end = whole_characters(text, std::min(from + k_excerpt, text.size()));
  return fmt::format("{}{}{}", from == 0 ? "" : "…", text.substr(from, end - from), end == text.size() ? "" : "…");
}

std::string rows_in_words(const Difference& difference) {
  const auto table = shown(difference.table);
  if (difference.fact == "rows") {
    return fmt::format("rows of {} differ: {} row{} before, {} now", table, difference.was,
                       difference.was == "1" ? "" : "s", difference.is);
  }
  return fmt::format("rows of {} differ: as many as before, but not with the same values", table);
}

boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

const char* to_string(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::missing:
      return "missing";
    case Difference::Kind::added:
      return "added";
    case Difference::Kind::changed:
      return "changed";
  }
  return "?";
}

}  // namespace

std::string in_words(const Difference& difference) {
  if (difference.object.kind == "rows") return rows_in_words(difference);
  const auto what = named(difference);
  if (difference.object.kind == "sequence" && difference.fact == "last value") {
    return fmt::format("{} has gone back from {} to {}: it would give out numbers again", what, difference.was,
                       difference.is.empty() ? "its start" : difference.is);
  }
  if (difference.kind == Difference::Kind::missing) return what + " is missing";
  if (difference.kind == Difference::Kind::added) return what + " was not there before";
  const auto was = one_line(difference.was), is = one_line(difference.is);
  const auto at =
      static_cast<std::size_t>(std::mismatch(was.begin(), was.end(), is.begin(), is.end()).first - was.begin());
  if (was == is) return fmt::format("{}: {} differs in its white space", what, difference.fact);
  const bool whole = was.size() <= k_whole && is.size() <= k_whole;
  const auto told = [&](const std::string& text) {
    if (text.empty()) return nothing(difference.fact);
    return whole ? text : excerpt(text, at);
  };
  return fmt::format("{}: {} was {}, is {}", what, difference.fact, told(was), told(is));
}

boost::json::array to_json(const std::vector<Difference>& differences) {
  boost::json::array list;
  for (const auto& difference : differences) {
    list.push_back(boost::json::object{{"difference", to_string(difference.kind)},
                                       {"kind", difference.object.kind},
                                       {"name", difference.object.name},
                                       {"table", text_or_null(difference.table)},
                                       {"fact", text_or_null(difference.fact)},
                                       {"was", text_or_null(difference.was)},
                                       {"is", text_or_null(difference.is)},
                                       {"words", in_words(difference)}});
  }
  return list;
}

}  // namespace pgphase
