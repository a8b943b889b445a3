// What is wrong with a file, or worth a remark, pointing into it; and Findings, which collects everything about one file,
// so that an author sees all errors at once. Diagnostics are values; a Findings belongs to one thread.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "plans/base/result.hpp"
#include "plans/base/severity.hpp"
#include "plans/toml/value.hpp"

namespace pgphase {

struct Diagnostic {
  std::string file;
  int line = 0;  // 1-based; 0: the file as a whole
  int column = 0;
  std::string message;
  std::string excerpt;     // the offending line, or empty
  std::string suggestion;  // what to write instead, or empty
  Severity severity = Severity::error;
  std::string_view rule = {};  // of docs/rules, or empty
};
using Diagnostics = std::vector<Diagnostic>;

// A T, or everything that is wrong with the text it should come from.
template <class T>
using Checked = boost::system::result<T, Diagnostics>;

// For each: "file:line:column: error: message", the line with a caret below, and the suggestion. Ends with a newline.
std::string render(const Diagnostics& diagnostics);

// One error (Errc::plan_rejected unless told) that carries all of them, rendered.
Error to_error(const Diagnostics& diagnostics, Errc code = Errc::plan_rejected);

// Found by boost::system::result when .value() is called on diagnostics: that is a bug of ours.
[[noreturn]] void throw_exception_from_error(const Diagnostics& diagnostics, const boost::source_location& where);

class Findings {
 public:
  // `text` must outlive this object.
  Findings(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {}

  void add(Position at, std::string message, std::string suggestion = {});
  // At a place inside a string: `character` counts code points from its beginning. Where the string was written with
  // escapes the place cannot be told, and the finding points at its beginning.
  void add_inside(const Text& where, std::size_t character, std::string message, std::string suggestion = {});

  // With a severity and a rule's id, which must be a constant. What is no error does not count as wrong: it goes to the
  // remarks.
  void add_about(Position at, Severity severity, std::string_view rule, std::string message, std::string suggestion);
  // The place of a character of a string, as in add_inside.
  Position inside(const Text& where, std::size_t character) const;

  // Of errors.
  bool empty() const { return found_.empty(); }
  std::size_t size() const { return found_.size(); }
  const std::string& file() const { return file_; }
  Diagnostics take();          // the errors, in the order of the file
  Diagnostics take_remarks();  // likewise

 private:
  Diagnostic at(Position place, std::string message, std::string suggestion) const;

  std::string file_;
  std::string_view text_;
  Diagnostics found_, remarks_;
};

}  // namespace pgphase
