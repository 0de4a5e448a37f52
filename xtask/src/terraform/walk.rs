//! Every reference that an expression makes, with the names that `for` brings in taken out.

use anyhow::{Context as _, Result};
use hcl::{
    Body, Expression, Identifier,
    expr::{ObjectKey, Operation, TemplateExpr, TraversalOperator},
    template::{Directive, Element, Template},
};

/// One reference: `aws_vpc.this[0].id` is its root and the steps behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) root: String,
    pub(super) steps: Vec<Step>,
}

/// A step of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `.name` or `["name"]`.
    Name(String),
    /// `[…]` or `[*]`.
    Index,
}

impl Reference {
    /// The name at a place behind the root.
    pub(super) fn name(&self, place: usize) -> Option<&str> {
        match self.steps.get(place)? {
            Step::Name(name) => Some(name),
            Step::Index => None,
        }
    }

    /// Whether there is an index at a place behind the root: `["name"]` may be one, too.
    pub(super) fn is_index(&self, place: usize) -> bool {
        matches!(self.steps.get(place), Some(Step::Index))
    }
}

/// What is found in the expressions of a body.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) references: Vec<Reference>,
    pub(super) functions: Vec<String>,
    bound: Vec<String>,
}

impl Walk {
    /// Walks all expressions of a body; `names` are those that the place brings in, such as a dynamic block's iterator.
    pub(super) fn of(body: &Body, names: &[&str]) -> Result<Self> {
        let mut walk = Self { bound: names.iter().map(|&name| name.to_owned()).collect(), ..Self::default() };
        walk.body(body)?;
        Ok(walk)
    }

    fn body(&mut self, body: &Body) -> Result<()> {
        for attribute in body.attributes() {
            self.expression(attribute.expr()).with_context(|| format!("in `{}`", attribute.key()))?;
        }
        for block in body.blocks() {
            let depth = self.bound.len();
            if block.identifier() == "dynamic" {
                // The iterator is known in `content`, not in `for_each`.
                for attribute in block.body().attributes() {
                    if attribute.key() != "iterator" {
                        self.expression(attribute.expr())?;
                    }
                }
                let iterator = match super::tree::attribute(block.body(), "iterator") {
                    Some(Expression::Variable(name)) => Some(name.as_str().to_owned()),
                    _ => block.labels().first().map(|label| label.as_str().to_owned()),
                };
                self.bound.extend(iterator);
                for content in block.body().blocks() {
                    self.body(content.body())?;
                }
            } else {
                self.body(block.body())?;
            }
            self.bound.truncate(depth);
        }
        Ok(())
    }

    fn expression(&mut self, expression: &Expression) -> Result<()> {
        match expression {
            Expression::Array(items) => items.iter().try_for_each(|item| self.expression(item))?,
            Expression::Object(object) => {
                for (key, value) in object {
                    match key {
                        // A bare word is a name; in parentheses it is an expression.
                        ObjectKey::Expression(Expression::Variable(_)) | ObjectKey::Identifier(_) => {}
                        ObjectKey::Expression(key) => self.expression(key)?,
                        _ => {}
                    }
                    self.expression(value)?;
                }
            }
            Expression::TemplateExpr(template) => self.template_expression(template)?,
            Expression::Variable(variable) => self.reference(variable.as_str(), &[])?,
            Expression::Traversal(traversal) => match &traversal.expr {
                Expression::Variable(root) => self.reference(root.as_str(), &traversal.operators)?,
                other => {
                    self.expression(other)?;
                    self.indices(&traversal.operators)?;
                }
            },
            Expression::FuncCall(call) => {
                self.functions.push(call.name.name.as_str().to_owned());
                call.args.iter().try_for_each(|argument| self.expression(argument))?;
            }
            Expression::Parenthesis(inner) => self.expression(inner)?,
            Expression::Conditional(conditional) => {
                for part in [&conditional.cond_expr, &conditional.true_expr, &conditional.false_expr] {
                    self.expression(part)?;
                }
            }
            Expression::Operation(operation) => match &**operation {
                Operation::Unary(unary) => self.expression(&unary.expr)?,
                Operation::Binary(binary) => {
                    self.expression(&binary.lhs_expr)?;
                    self.expression(&binary.rhs_expr)?;
                }
            },
            Expression::ForExpr(each) => {
                self.expression(&each.collection_expr)?;
                let depth = self.bound.len();
                let names = each.key_var.iter().chain([&each.value_var]);
                self.bound.extend(names.map(|name: &Identifier| name.as_str().to_owned()));
                let parts = each.key_expr.iter().chain([&each.value_expr]).chain(&each.cond_expr);
                let walked = parts.into_iter().try_for_each(|part| self.expression(part));
                self.bound.truncate(depth);
                walked?;
            }
            _ => {}
        }
        Ok(())
    }

    fn template_expression(&mut self, expression: &TemplateExpr) -> Result<()> {
        let template = Template::from_expr(expression).context("a template cannot be read")?;
        self.template(&template)
    }

    fn template(&mut self, template: &Template) -> Result<()> {
        for element in template.elements() {
            match element {
                Element::Literal(_) => {}
                Element::Interpolation(interpolation) => self.expression(&interpolation.expr)?,
                Element::Directive(directive) => match &**directive {
                    Directive::If(choice) => {
                        self.expression(&choice.cond_expr)?;
                        self.template(&choice.true_template)?;
                        choice.false_template.iter().try_for_each(|template| self.template(template))?;
                    }
                    Directive::For(each) => {
                        self.expression(&each.collection_expr)?;
                        let depth = self.bound.len();
                        let names = each.key_var.iter().chain([&each.value_var]);
                        self.bound.extend(names.map(|name: &Identifier| name.as_str().to_owned()));
                        let walked = self.template(&each.template);
                        self.bound.truncate(depth);
                        walked?;
                    }
                },
            }
        }
        Ok(())
    }

    fn reference(&mut self, root: &str, operators: &[TraversalOperator]) -> Result<()> {
        self.indices(operators)?;
        if self.bound.iter().any(|name| name == root) {
            return Ok(());
        }
        let steps = operators.iter().map(|operator| match operator {
            TraversalOperator::GetAttr(name) => Step::Name(name.as_str().to_owned()),
            TraversalOperator::Index(Expression::String(name)) => Step::Name(name.clone()),
            _ => Step::Index,
        });
        self.references.push(Reference { root: root.to_owned(), steps: steps.collect() });
        Ok(())
    }

    fn indices(&mut self, operators: &[TraversalOperator]) -> Result<()> {
        for operator in operators {
            if let TraversalOperator::Index(index) = operator {
                self.expression(index)?;
            }
        }
        Ok(())
    }
}
