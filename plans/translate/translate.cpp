#include "plans/translate/translate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "plans/effects/derive.hpp"
#include "plans/sql/script.hpp"
#include "plans/sql/statement.hpp"
#include "plans/sql/tree.hpp"
#include "plans/translate/change_toml.hpp"
#include "plans/translate/one_by_one.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase {
namespace {

constexpr std::string_view k_revision = "Running upgrade ";

// A comment of TOML holds no control character but the tab.
std::string comment_line(std::string_view text) {
  std::string out = "# ";
  for (const char c : text) out += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f ? ' ' : c;
  return out + '\n';
}

// Comments that are for other tools.
bool of_a_tool(std::string_view comment) {
  return comment.starts_with("pgphase:") || comment.starts_with("squawk-ignore");
}

class Translating {
 public:
  Translating(std::string_view sql, const TranslateOptions& options) : sql_(sql), lines_(sql), options_(options) {}

  Translation operator()() {
    const Script script = take_apart(sql_);
    std::vector<Parsed<std::vector<tree::RawStatement>>> parsed;
    translate::Outlook outlook;
    for (const auto& part : script.parts) {
      const bool sql = part.kind == ScriptPart::Kind::statement;
      parsed.push_back(sql ? tree::parse(sql_.substr(part.begin, part.end - part.begin))
                           : Parsed<std::vector<tree::RawStatement>>(SqlError{}));
      if (!parsed.back()) continue;
      for (const auto& one : *parsed.back()) outlook.note(one);
    }
    translator_.emplace(known_, std::move(outlook));
    for (std::size_t i = 0; i < script.parts.size(); ++i) look_at(script.parts[i], parsed[i]);
    if (!script.error.empty()) leave(script.error_at, script.error_at, script.error);
    for (const auto& comment : comments_of(sql_.substr(std::min(script.trailing, sql_.size())))) {
      if (!comment.starts_with(k_revision)) comments_.push_back(comment);
    }
    if (!postponed_.empty()) {
      auto comments = std::exchange(comments_, {});
      end_plan();
      begin_plan();
      for (auto& one : std::exchange(postponed_, {})) {
        comments_ = std::move(one.comments);
        translate(one.raw, one.part);
      }
      comments_.insert(comments_.end(), comments.begin(), comments.end());
    }
    end_plan();
    return std::move(out_);
  }

 private:
  void look_at(const ScriptPart& part, const Parsed<std::vector<tree::RawStatement>>& raw) {
    for (const auto& comment : comments_of(sql_.substr(part.leading, part.begin - part.leading))) {
      if (comment.starts_with(k_revision)) {
        end_plan();
        begin_plan();
        title_ = title_of(comment.substr(k_revision.size()));
      } else if (!of_a_tool(comment)) {
        comments_.push_back(comment);
      }
    }
    if (part.kind == ScriptPart::Kind::psql_command) {
      leave(part.begin, part.end, "a command of psql is not SQL");
      keep_mark(part, "a command of psql is not SQL");
      return;
    }
    if (!raw) {
      leave(part.begin, part.end, raw.error().message);
      keep_mark(part, raw.error().message);
      return;
    }
    for (const auto& statement : *raw) {
      for (const auto& one : translate::one_by_one(statement)) {
        if (translator_->waits_for_purge(one)) {
          postponed_.push_back({one, part, std::exchange(comments_, {})});
        } else {
          translate(one, part);
        }
      }
    }
  }

  void begin_plan() {
    translator_->begin_plan();
    translate::end_plan(known_);
  }

  void translate(const tree::RawStatement& raw, const ScriptPart& part) {
    if (translator_->needs_new_plan(raw)) {
      // What was said before this statement belongs to it.
      auto comments = std::exchange(comments_, {});
      end_plan();
      begin_plan();
      comments_ = std::move(comments);
    }
    auto done = translator_->statement(raw);
    effects::carry_over(raw, known_);
    if (!done.left.empty()) leave(part.begin, part.end, done.left);
    std::string head;
    for (const auto& comment : std::exchange(comments_, {})) head += comment_line(comment);
    for (const auto& note : done.notes) head += comment_line("pgphase: " + note);
    if (!done.dropped.empty() && done.entries.empty()) {
      // A comment of the author's is kept even where its statement has become needless.
      if (!head.empty()) body_ += '\n' + head;
      return;
    }
    for (std::size_t i = 0; i < done.entries.size(); ++i) {
      body_ += '\n' + (i == 0 ? head : std::string()) + done.entries[i];
      ++entries_;
    }
    if (done.entries.empty()) {
      body_ += '\n' + head;
      keep_mark(part, done.left);
    }
  }

  void keep_mark(const ScriptPart& part, const std::string& why) {
    if (body_.empty() || !body_.ends_with('\n')) body_ += '\n';
    body_ += mark(part, why);
    marked_ = true;
  }

  // In the plan itself, so that it is not forgotten.
  std::string mark(const ScriptPart& part, const std::string& why) const {
    auto out = comment_line(fmt::format("pgphase: NOT IN THIS PLAN, line {}: {}", lines_.at(part.begin).line, why));
    auto text = sql_.substr(part.begin, part.end - part.begin);
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      out += comment_line("    " + std::string(line));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return out;
  }

  void leave(std::size_t from, std::size_t to, const std::string& why) {
    auto statement = sql_.substr(from, to - from);
    statement = statement.substr(0, statement.find('\n'));
    out_.left.push_back({lines_.at(from), std::string(statement), why});
  }

  // "1975ea83b712 -> ae1027a6acf, Add a column" is called "Add a column".
  static std::string title_of(std::string_view revision) {
    if (const auto arrow = revision.find("-> "); arrow != std::string_view::npos) revision.remove_prefix(arrow + 3);
    if (const auto comma = revision.find(", "); comma != std::string_view::npos) revision.remove_prefix(comma + 2);
    return std::string(revision);
  }

  void end_plan() {
    for (const auto& comment : std::exchange(comments_, {})) body_ += '\n' + comment_line(comment);
    if (entries_ > 0 || marked_) {
      TranslatedPlan plan;
      plan.title = title_;
      plan.entries = entries_;
      const auto description = title_.empty() ? options_.description : title_;
      plan.toml = fmt::format("format = 1\ndescription = {}\n{}", translate::toml_text(description), body_);
      out_.plans.push_back(std::move(plan));
    }
    body_.clear();
    entries_ = 0;
    marked_ = false;
  }

  std::string_view sql_;
  Lines lines_;
  const TranslateOptions& options_;
  Known known_;
  std::optional<translate::Translator> translator_;
  Translation out_;
  std::string title_, body_;
  std::vector<std::string> comments_;
  struct Postponed {
    tree::RawStatement raw;
    ScriptPart part;
    std::vector<std::string> comments;
  };
  std::vector<Postponed> postponed_;  // into a last plan
  std::size_t entries_ = 0;  // of the plan at hand
  bool marked_ = false;      // it says of a statement that it is not in it
};

}  // namespace

Translation translate_script(std::string_view sql, const TranslateOptions& options) {
  return Translating(sql, options)();
}

}  // namespace pgphase
