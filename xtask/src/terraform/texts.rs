//! What is written in an expression, with the local values and the defaults of variables that it refers to.

use std::collections::BTreeSet;

use hcl::{
    Body, Expression,
    expr::{ObjectKey, Operation, Traversal, TraversalOperator},
    template::{Directive, Element, Template},
};

use super::tree::{self, Module};

/// Stands where a value is put in that is not known before it runs.
pub(super) const FILLED: char = '\u{fffc}';

/// Every text of an expression, in whatever it is written.
pub(super) fn of(module: &Module, expression: &Expression) -> Vec<String> {
    let mut reader = Reader { module, seen: BTreeSet::new(), texts: Vec::new() };
    reader.expression(expression);
    reader.texts
}

/// Every text of a body, in its blocks too.
pub(super) fn of_body(module: &Module, body: &Body) -> Vec<String> {
    let mut reader = Reader { module, seen: BTreeSet::new(), texts: Vec::new() };
    reader.body(body);
    reader.texts
}

/// The texts that an expression may be as a whole; none where that is not known.
pub(super) fn whole(module: &Module, expression: &Expression) -> Vec<String> {
    match expression {
        Expression::Conditional(choice) => {
            [&choice.true_expr, &choice.false_expr].into_iter().flat_map(|part| whole(module, part)).collect()
        }
        Expression::Parenthesis(inner) => whole(module, inner),
        other => {
            let text = flat(module, other, 0);
            if text.chars().all(|c| c == FILLED) { Vec::new() } else { vec![text] }
        }
    }
}

/// The kind and the name of what a reference leads to: `("local", "x")` of `local.x.y`.
pub(super) fn named(traversal: &Traversal) -> Option<(&str, &str)> {
    match (&traversal.expr, traversal.operators.first()?) {
        (Expression::Variable(root), TraversalOperator::GetAttr(name)) => {
            Some((root.as_str(), name.as_str()))
        }
        _ => None,
    }
}

/// References lead to references; those that lead in a circle are nobody's text.
const DEEPEST: usize = 8;

fn flat(module: &Module, expression: &Expression, depth: usize) -> String {
    if depth > DEEPEST {
        return FILLED.to_string();
    }
    match expression {
        Expression::String(text) => text.clone(),
        Expression::TemplateExpr(template) => match Template::from_expr(template) {
            Ok(template) => template.elements().iter().map(|element| piece(module, element, depth)).collect(),
            Err(_) => FILLED.to_string(),
        },
        Expression::Parenthesis(inner) => flat(module, inner, depth + 1),
        Expression::Traversal(traversal) if traversal.operators.len() == 1 => match named(traversal) {
            Some(("local", name)) => match module.locals().get(name) {
                Some(local) => flat(module, local, depth + 1),
                None => FILLED.to_string(),
            },
            _ => FILLED.to_string(),
        },
        _ => FILLED.to_string(),
    }
}

fn piece(module: &Module, element: &Element, depth: usize) -> String {
    match element {
        Element::Literal(text) => text.clone(),
        Element::Interpolation(interpolation) => flat(module, &interpolation.expr, depth + 1),
        Element::Directive(_) => FILLED.to_string(),
    }
}

struct Reader<'a> {
    module: &'a Module,
    seen: BTreeSet<(String, String)>,
    texts: Vec<String>,
}

impl Reader<'_> {
    fn body(&mut self, body: &Body) {
        for attribute in body.attributes() {
            self.expression(attribute.expr());
        }
        for block in body.blocks() {
            self.body(block.body());
        }
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::String(text) => self.texts.push(text.clone()),
            Expression::TemplateExpr(template) => {
                self.texts.push(flat(self.module, expression, 0));
                if let Ok(template) = Template::from_expr(template) {
                    self.template(&template);
                }
            }
            Expression::Array(items) => items.iter().for_each(|item| self.expression(item)),
            Expression::Object(object) => {
                for (key, value) in object {
                    if let ObjectKey::Expression(key) = key {
                        self.expression(key);
                    }
                    self.expression(value);
                }
            }
            Expression::Parenthesis(inner) => self.expression(inner),
            // What is compared does not become the value.
            Expression::Conditional(choice) => {
                self.expression(&choice.true_expr);
                self.expression(&choice.false_expr);
            }
            Expression::FuncCall(call) => call.args.iter().for_each(|argument| self.expression(argument)),
            Expression::Operation(operation) => match &**operation {
                Operation::Unary(unary) => self.expression(&unary.expr),
                Operation::Binary(binary) => {
                    self.expression(&binary.lhs_expr);
                    self.expression(&binary.rhs_expr);
                }
            },
            Expression::ForExpr(each) => {
                self.expression(&each.collection_expr);
                each.key_expr.iter().for_each(|key| self.expression(key));
                self.expression(&each.value_expr);
            }
            Expression::Traversal(traversal) => self.traversal(traversal),
            _ => {}
        }
    }

    fn template(&mut self, template: &Template) {
        for element in template.elements() {
            match element {
                Element::Literal(_) => {}
                Element::Interpolation(interpolation) => self.expression(&interpolation.expr),
                Element::Directive(directive) => match &**directive {
                    Directive::If(choice) => {
                        self.pieces(&choice.true_template);
                        choice.false_template.iter().for_each(|template| self.pieces(template));
                    }
                    Directive::For(each) => {
                        self.expression(&each.collection_expr);
                        self.pieces(&each.template);
                    }
                },
            }
        }
    }

    fn pieces(&mut self, template: &Template) {
        let elements = template.elements().iter();
        self.texts.push(elements.map(|element| piece(self.module, element, 0)).collect());
        self.template(template);
    }

    fn traversal(&mut self, traversal: &Traversal) {
        let Some((kind @ ("local" | "var"), name)) = named(traversal) else {
            self.expression(&traversal.expr);
            return;
        };
        if !self.seen.insert((kind.to_owned(), name.to_owned())) {
            return;
        }
        let module = self.module;
        if kind == "local" {
            module.locals().get(name).into_iter().for_each(|local| self.expression(local));
        } else if let Some(variable) = module.named("variable").get(name) {
            // A type has defaults as well: `optional(string, "x")`.
            for part in ["default", "type"] {
                tree::attribute(variable.body(), part).into_iter().for_each(|part| self.expression(part));
            }
        }
    }
}
