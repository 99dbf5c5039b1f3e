// SPDX-License-Identifier: Apache-2.0
// The best that is known to do with yes and no, for who already has a picture that matches and
// wants the template behind it: search from just inside the cut in random directions, and add up
// those that still match. This attacker is told where the cut lies, so what it gets is the most
// that answers can tell. Functions of their arguments.
// Source: HopSkipJumpAttack, Chen, Jordan and Wainwright, IEEE S&P 2020 (arXiv 1904.02144), s.III.
#ifndef KLUIS_TESTS_FAKES_BOUNDARY_ATTACK_H_
#define KLUIS_TESTS_FAKES_BOUNDARY_ATTACK_H_

#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <random>
#include <vector>

namespace kluis::boundary {

using Vector = std::vector<double>;

inline double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

inline Vector Sum(double x, const Vector& a, double y, const Vector& b) {
  Vector sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = x * a[i] + y * b[i];
  return sum;
}

inline Vector Unit(const Vector& a) { return Sum(1 / std::sqrt(Dot(a, a)), a, 0, a); }

inline std::vector<float> Floats(const Vector& a) { return {a.begin(), a.end()}; }

// The part of `a` that is at a right angle to the unit vector `b`, of length 1.
inline Vector Aside(const Vector& a, const Vector& b) { return Unit(Sum(1, a, -Dot(a, b), b)); }

inline Vector RandomDirection(std::size_t dimension, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Vector direction(dimension);
  for (double& value : direction) value = normal(random);
  return direction;
}

// Whom the attack is on, and what the attacker has; all of length 1.
struct Start {
  Vector target;   // the template, to say what was reached
  Vector picture;  // matches
  Vector outside;  // does not
  double cut = 0;  // cosine
};

// The point between the matching picture and a stranger from which a step of `angle` to the side is
// as likely inside the cut as outside.
inline Vector Edge(const Start& start, double angle) {
  double low = 0;
  double high = 1;
  for (int i = 0; i < 50; ++i) {
    const double part = (low + high) / 2;
    const Vector point = Unit(Sum(1 - part, start.picture, part, start.outside));
    (Dot(point, start.target) * std::cos(angle) > start.cut ? low : high) = part;
  }
  return Unit(Sum(1 - low, start.picture, low, start.outside));
}

struct Reached {
  double cosine = 0;  // to the template, of the best mix of picture and estimate
  int asked = 0;
};

// Asks `matches` at most `most` times, in steps of `angle`; ends when that says nothing.
inline Reached Attack(const Start& start, double angle, int most, std::mt19937_64& random,
                      const std::function<std::optional<bool>(const Vector&)>& matches) {
  const Vector edge = Edge(start, angle);
  std::vector<Vector> sides;
  std::vector<double> answers;
  double sum = 0;
  for (int i = 0; i < most; ++i) {
    Vector side = Aside(RandomDirection(edge.size(), random), edge);
    const std::optional<bool> yes = matches(Sum(std::cos(angle), edge, std::sin(angle), side));
    if (!yes.has_value()) break;
    sides.push_back(std::move(side));
    answers.push_back(*yes ? 1 : -1);
    sum += answers.back();
  }
  if (sides.empty()) return {Dot(start.picture, start.target), 0};
  const double mean = sum / static_cast<double>(sides.size());
  Vector uphill(edge.size());
  for (std::size_t i = 0; i < sides.size(); ++i) {
    uphill = Sum(1, uphill, answers[i] - mean, sides[i]);
  }
  const double known = start.cut / std::cos(angle);
  const Vector estimate = Sum(known, edge, std::sqrt(1 - known * known), Aside(uphill, edge));
  return {std::hypot(Dot(start.picture, start.target),
                     Dot(Aside(estimate, start.picture), start.target)),
          static_cast<int>(sides.size())};
}

// Wide enough that each step is a probe of its own.
inline constexpr double kWideStep = 0.3;
// A step that the vault takes for the same probe again.
inline constexpr double kSmallStep = 0.1;

}  // namespace kluis::boundary

#endif  // KLUIS_TESTS_FAKES_BOUNDARY_ATTACK_H_
